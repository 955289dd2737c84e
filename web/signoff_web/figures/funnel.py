"""Figures of the funnel: the steps, and conversion by the month of entry."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from signoff_ops.insight import Report
from signoff_web.charts import words
from signoff_web.charts.columns import Column, Seen, columns
from signoff_web.charts.marks import Drawing, Key, Size
from signoff_web.charts.rows import Row, bars
from signoff_web.figures.cohort_sizes import LARGE, told_of
from signoff_web.figures.figure import Figure, Record, day, figure, known, real, text

_KEYS: Final = (
    Key("became customers in time", "fill-1"),
    Key("were qualified in time", "over", "over"),
    Key("not all observed long enough", "fill-1 provisional", "hatch"),
    Key("nobody observed long enough yet", "not-yet", "hatch"),
)


def figures(report: Report) -> Sequence[Figure]:
    """The steps, then the months."""
    steps, months = list(report.table("steps").records), list(report.table("months").records)
    found = [_steps(report, steps)] if any(known(one, "entered") for one in steps) else []
    return [*found, months_figure(report, months)] if months else found


def conversion(months: Sequence[Record]) -> Sequence[Record]:
    """The months in which everybody was observed long enough."""
    return [one for one in months if one["is_complete"] and one["share_converted"] is not None]


def months_figure(report: Report, months: Sequence[Record], *, is_small: bool = False) -> Figure:
    """Conversion by the month of entry."""
    heading = _message(months, report.asked.within)
    return figure(
        "months",
        heading,
        "A column for each month in which customers became prospects: its height is the share "
        "that became customers in time. The line above is the share that was qualified in time. "
        "The table By month has the same numbers.",
        partial(_columns, months),
        keys=_keys(months),
        caption="By the month in which they became prospects",
        is_small=is_small,
    )


def _message(months: Sequence[Record], within: int) -> str:
    complete = {day(one, "month"): one for one in conversion(months)}
    if not complete:
        return f"No month has been observed for {words.days(within)} yet"
    sizes = {month: int(known(one, "observed")) for month, one in complete.items()}
    told = told_of(list(complete), sizes)
    last = complete[told[-1]]
    small = "Few prospects a month: " if sizes[told[-1]] < LARGE else ""
    said = (
        f"{small}{words.percent(known(last, 'share_converted'))} of the prospects of "
        f"{words.month(day(last, 'month'))} became customers within {words.days(within)}"
    )
    if len(told) == 1:
        return said
    before = complete[told[-2]]
    return (
        f"{said}, after {words.percent(known(before, 'share_converted'))} in "
        f"{words.month(day(before, 'month'))}"
    )


def _keys(months: Sequence[Record]) -> tuple[Key, ...]:
    """The legend of what is drawn."""
    seen = {_seen(one) for one in months}
    drawn = [one for one in months if one["share_converted"] is not None]
    has_line = any(one["share_qualified"] is not None for one in drawn)
    return (
        *(_KEYS[:1] if drawn else ()),
        *(_KEYS[1:2] if has_line else ()),
        *(_KEYS[2:3] if Seen.PART in seen else ()),
        *(_KEYS[3:] if Seen.NOT_YET in seen else ()),
    )


def _seen(one: Record) -> Seen:
    if one["is_complete"]:
        return Seen.WHOLE
    return Seen.NOT_YET if one["share_converted"] is None else Seen.PART


def _columns(months: Sequence[Record], size: Size) -> Drawing:
    return columns(size, [_column(one) for one in months], words.short_percent)


def _column(one: Record) -> Column:
    month, converted = words.month(day(one, "month")), real(one, "share_converted")
    entered = f"{month}: {words.count(known(one, 'entered'))} became prospects"
    if converted is None:
        seen = Seen.WHOLE if one["is_complete"] else Seen.NOT_YET
        return Column(month, (), f"{entered}, not observed long enough yet", seen)
    tip = (
        f"{entered}; of {words.count(known(one, 'observed'))} who were observed long enough, "
        f"{words.count(known(one, 'converted'))} became customers ({words.percent(converted)})"
    )
    said = words.percent(converted).removesuffix(" %")
    return Column(month, (converted,), tip, _seen(one), real(one, "share_qualified"), said)


def _steps(report: Report, steps: Sequence[Record]) -> Figure:
    within = report.asked.within
    whole = real(steps[-1], "share")
    heading = (
        f"{words.percent(whole)} of prospects become customers within {words.days(within)}"
        if whole is not None
        else f"Nobody has been a prospect for {words.days(within)} yet"
    )
    return figure(
        "steps",
        heading,
        "A bar for each step of the funnel: its length is the share that reached the next status "
        "in time. Lines at the ends are 95 % intervals. The table Steps has the same numbers.",
        lambda size: bars(size, [_row(one) for one in steps], highest=_highest(steps)),
        caption=f"Share that reached the next status within {words.days(within)}, with its 95 % "
        "interval",
    )


def _highest(steps: Sequence[Record]) -> float:
    return max((real(one, "high") or 0.0 for one in steps), default=0.0) or 1.0


def _row(one: Record) -> Row:
    before, after = (words.status(text(one, name)) for name in ("from_status", "to_status"))
    share, observed = real(one, "share"), words.count(known(one, "observed"))
    if share is None:
        return Row(f"{before} to {after.lower()}", None, "not observed yet", tip="not observed yet")
    reached = words.count(known(one, "reached"))
    is_whole = (one["from_status"], one["to_status"]) == ("PROSPECT", "CUSTOMER")
    interval = f"{words.percent(known(one, 'low'))} to {words.percent(known(one, 'high'))}"
    return Row(
        f"{before} to {after.lower()}",
        share,
        words.percent(share),
        f"{reached} of {observed}",
        known(one, "low"),
        known(one, "high"),
        look="1" if is_whole else "3",
        tip=f"{reached} of {observed}; {interval}",
    )
