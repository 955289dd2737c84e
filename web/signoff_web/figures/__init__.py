"""Figures of the views: what of a report is drawn, and what the picture says.

Each module draws the tables of one view. All numbers are those of the tables: nothing is computed
here that CSV and API do not have.
"""
