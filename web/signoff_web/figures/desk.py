"""Figures of the desk: decisions a day, and how long they took."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from signoff_ops.insight import Report
from signoff_schemas.wording import lasting
from signoff_web.charts import words
from signoff_web.charts.columns import Column, Seen, columns
from signoff_web.charts.lines import Line, lines
from signoff_web.charts.marks import Drawing, Key, Size
from signoff_web.figures.figure import Figure, Record, day, figure, known, real

_MOST: Final = 90
"""Days that are drawn: the latest ones."""
_KINDS: Final = ("approved", "rejected", "expired")


def figures(report: Report) -> Sequence[Figure]:
    """Decisions a day, then the time to a decision."""
    days = list(report.table("days").records)[-_MOST:]
    if not days:
        return []
    timed = any(one["median_minutes"] is not None for one in days)
    return [_decisions(days), *([_minutes(days)] if timed else [])]


def _decisions(days: Sequence[Record]) -> Figure:
    total = sum(known(one, "decided") for one in days)
    rejected = sum(known(one, "rejected") for one in days)
    share = f"; {words.percent(rejected / total)} were rejected" if total else ""
    keys = [
        *(
            Key(kind, f"fill-{place}")
            for place, kind in enumerate(_KINDS, 1)
            if any(known(one, kind) for one in days)
        ),
        *(
            [Key("may still change", "fill-1 provisional", "hatch")]
            if any(one["is_provisional"] for one in days)
            else []
        ),
    ]
    return figure(
        "decisions",
        f"{words.counted(total, 'review')} {'was' if total == 1 else 'were'} decided in "
        f"{words.days(len(days))}{share}",
        "A column for each day: reviews approved, rejected and expired, on top of each other. "
        "The table of days has the same numbers.",
        lambda size: columns(size, [_column(one) for one in days], words.short, whole=True),
        keys=tuple(keys),
        caption="Reviews a day",
    )


def _column(one: Record) -> Column:
    date = words.day(day(one, "day"))
    parts = tuple(known(one, kind) for kind in _KINDS)
    said = ", ".join(
        f"{words.count(part)} {kind}" for part, kind in zip(parts, _KINDS, strict=True)
    )
    seen = Seen.PART if one["is_provisional"] else Seen.WHOLE
    return Column(date.rpartition(" ")[0], parts, f"{date}: {said}", seen)


def _minutes(days: Sequence[Record]) -> Figure:
    return figure(
        "minutes",
        _message(days),
        "By days: the median of the minutes from when a review came in to its decision, and the "
        "time within which nine of ten were decided. The table of days has the same numbers.",
        partial(_lines, days),
        keys=(Key("half of them", "line-1", "line"), Key("nine of ten", "line-2", "line")),
        caption="Minutes from when a review came in to its decision",
    )


def _message(days: Sequence[Record]) -> str:
    timed = [one for one in days if one["median_minutes"] is not None]
    last = [one for one in timed if not one["is_provisional"]][-1:] or timed[-1:]
    return (
        f"On {words.day(day(last[0], 'day'))}, half of the decisions took up to "
        f"{lasting(60 * known(last[0], 'median_minutes'))}"
    )


def _lines(days: Sequence[Record], size: Size) -> Drawing:
    first = day(days[0], "day")
    given = []
    for name, look, label in (
        ("p90_minutes", "line-2", "nine of ten"),
        ("median_minutes", "line-1", "half"),
    ):
        points = tuple(
            (float((day(one, "day") - first).days), value)
            for one in days
            if (value := real(one, name)) is not None
        )
        given.append(Line(points, look, label, dots=True))
    return lines(
        size,
        given,
        words.short,
        across="",
        say_across=lambda days: words.day(first + timedelta(days=days)).rpartition(" ")[0],
    )
