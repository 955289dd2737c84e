"""What drawings hold, for tests of charts."""

import re

from signoff_web.charts import words
from signoff_web.charts.marks import Drawing, Rect, Text


def rects(drawing: Drawing, look: str) -> list[Rect]:
    """The rectangles with this look."""
    return [mark for mark in drawing.looking(look) if isinstance(mark, Rect)]


def texts(drawing: Drawing) -> list[str]:
    """What is written in it."""
    return [mark.text for mark in drawing.marks if isinstance(mark, Text)]


def check_inside(drawing: Drawing) -> None:
    """All of it is inside of its box, texts too as far as their widths are known."""
    for mark in drawing.marks:
        if isinstance(mark, Rect):
            assert -0.01 <= mark.x <= mark.x + mark.width <= drawing.width + 0.01, mark
            assert -0.01 <= mark.y <= mark.y + mark.height <= drawing.height + 0.01, mark
        elif isinstance(mark, Text):
            width = words.width_of(mark.text, 12)
            left = mark.x - {"start": 0, "middle": width / 2, "end": width}[mark.anchor]
            assert left >= -8, mark
            assert left + width <= drawing.width + 16, mark
            assert 0 <= mark.y <= drawing.height, mark
        else:
            numbers = [float(one) for one in re.findall(r"[ML](-?[\d.]+)", mark.d)]
            assert all(-0.1 <= one <= drawing.width + 0.1 for one in numbers), mark
