"""Figures of durations: how long steps take, and how long statuses last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from signoff_ops.insight import Report
from signoff_web.charts import words
from signoff_web.charts.lines import Line, lines
from signoff_web.charts.marks import Drawing, Key, Size
from signoff_web.charts.rows import Row, bars
from signoff_web.figures.figure import Figure, Record, figure, known, real, text

_ABOUT: Final = (
    "By days since the entry into the step: the share that had reached the next status, as a full "
    "line, and the share that was lost before, dashed. The table of the curve has the same numbers."
)
_CHURN_ABOUT: Final = (
    "By days since the first purchase: the share that had churned, as a dashed line. The table of "
    "the curve has the same numbers."
)
_AFTER: Final = 1.25
"""So much of a curve is drawn after its last step."""
_CHURN: Final = " to CHURNED"
"""The end of the name of a step whose next status is a loss."""


@dataclass(frozen=True, slots=True)
class _Curve:
    """A line: a column of the table, its look, its label, and its entry in the legend."""

    column: str
    look: str
    label: str
    key: str


_REACHED: Final = _Curve("reached_share", "line-1", "reached", "reached the next status")
_LOST: Final = _Curve("lost_share", "line-2", "lost", "were lost before")
_CHURNED: Final = _Curve("reached_share", "line-2", "churned", "churned")


def figures(report: Report) -> Sequence[Figure]:
    """A curve for each step, then the time in each status."""
    curve = list(report.table("curve").records)
    steps = [one for one in report.table("steps").records if known(one, "customers")]
    found = [_step(place, one, curve) for place, one in enumerate(steps)]
    spells = [one for one in report.table("spells").records if known(one, "spells")]
    return [*found, _spells(spells)] if spells else found


def _step(place: int, step: Record, curve: Iterable[Record]) -> Figure:
    name = " ".join(_words(part) for part in text(step, "step").split()).capitalize()
    points = _beginning([one for one in curve if one["step"] == step["step"]])
    curves = _curves_of(step, points)
    return figure(
        f"step-{place}",
        _message(name, step),
        _CHURN_ABOUT if _is_churn(step) else _ABOUT,
        partial(_curve, points, curves),
        keys=tuple(Key(one.key, one.look, "line") for one in reversed(curves)),
        caption=f"{words.counted(known(step, 'customers'), 'customer')} entered this step",
        is_small=True,
    )


def _words(part: str) -> str:
    return words.status(part) if part.isupper() else part


def _is_churn(step: Record) -> bool:
    return text(step, "step").endswith(_CHURN)


def _curves_of(step: Record, points: Iterable[Record]) -> Sequence[_Curve]:
    """The lines of a step, the first one below the others; churn looks like a loss."""
    if _is_churn(step):
        return [_CHURNED]
    return [_LOST, _REACHED] if any(known(one, "lost_share") for one in points) else [_REACHED]


def _message(name: str, step: Record) -> str:
    median, quarter = real(step, "median_days"), real(step, "p25_days")
    did = " churned" if _is_churn(step) else ""
    if median is not None:
        return f"{name}: half of them{did} within {words.days(median)}"
    if quarter is not None:
        return f"{name}: a quarter of them{did} within {words.days(quarter)}, but not half of them"
    return f"{name}: fewer than a quarter of them{did}"


def _beginning(points: Sequence[Record]) -> Sequence[Record]:
    """The curve without the most of its end, where nothing happens any more."""
    if not points:
        return points
    shares = [(known(one, "reached_share"), known(one, "lost_share")) for one in points]
    last = next(place for place, pair in enumerate(shares) if pair == shares[-1])
    end = known(points[last], "day") * _AFTER
    return [*points[: last + 1], *(one for one in points[last + 1 :] if known(one, "day") <= end)]


def _curve(points: Sequence[Record], curves: Sequence[_Curve], size: Size) -> Drawing:
    given = [
        Line(
            ((0.0, 0.0), *((known(one, "day"), known(one, curve.column)) for one in points)),
            curve.look,
            curve.label,
            steps=True,
        )
        for curve in curves
    ]
    return lines(size, given, words.short_percent, across="days since the entry into the step")


def _spells(spells: Sequence[Record]) -> Figure:
    return figure(
        "spells",
        "How long customers stay in a status",
        "A bar for each status: its length is the median of the days that customers spend in it. "
        "The table of spells has the same numbers.",
        lambda size: bars(size, [_spell(one) for one in spells]),
        caption="Median of days; spells that go on are taken into account (Kaplan-Meier)",
    )


def _spell(one: Record) -> Row:
    median = real(one, "median_days")
    spells, still = known(one, "spells"), known(one, "open")
    goes = "goes" if still == 1 else "go"
    note = f"{words.counted(spells, 'spell')}, {words.count(still)} {goes} on"
    said = "over half go on" if median is None else words.days(median)
    return Row(words.status(text(one, "status")), median, said, note, tip=f"{said}; {note}")
