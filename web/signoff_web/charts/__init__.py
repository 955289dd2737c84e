"""Charts as geometry: typed, frozen values that templates write as SVG.

A chart is a function from what is to be seen, and a size, to a `Drawing`: rectangles, paths and
texts, each with a look (a class of the style sheet). Nothing here knows a view or a request.
"""
