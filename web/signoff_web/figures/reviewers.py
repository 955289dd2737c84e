"""Figures of reviewers, tags and CTAs: differences of conversion, with their intervals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from signoff_ops.insight import Report
from signoff_schemas.wording import count
from signoff_web.charts import words
from signoff_web.charts.lines import Line, lines
from signoff_web.charts.marks import Drawing, Key, Size
from signoff_web.charts.rows import Row, intervals
from signoff_web.figures.figure import Figure, Record, day, figure, known, real, text

_FACTORS: Final = {"cta": "CTA", "tag": "edit tag", "reviewer": "reviewer"}
_LOOKS: Final = ("line-1", "line-2", "line-4", "line-3")
"""Of the CTAs that are drawn by month."""
_MOST: Final = 12
"""Values of a factor that are drawn: those with the most first approvals."""


def figures(report: Report) -> Sequence[Figure]:
    """For each factor its differences; for CTAs also how they converted by month."""
    pooled = list(report.table("pooled").records)
    months = [one for one in report.table("months").records if one["factor"] == "cta"]
    found = []
    for factor, name in _FACTORS.items():
        rows = [one for one in pooled if one["factor"] == factor and one["difference"] is not None]
        if rows:
            found.append(_factor(report, factor, name, rows))
    return [*([_by_month(report, months)] if months else []), *found]


def _factor(report: Report, factor: str, name: str, rows: Sequence[Record]) -> Figure:
    most = sorted(rows, key=lambda one: -known(one, "n"))[:_MOST]
    shown = sorted(most, key=lambda one: -known(one, "difference"))
    cut = f"; the {_MOST} with the most first approvals of {len(rows)}" if len(rows) > _MOST else ""
    return figure(
        factor,
        _message(name, rows),
        f"A row for each {name}: a dot for the difference of the share of first approvals with and "
        "without it after which customers converted, and a line for its 95 % interval. A line that "
        "crosses 0 may be chance. The first table has the same numbers.",
        partial(_intervals, shown),
        caption=f"Difference of conversion within {words.days(report.asked.within)} with and "
        f"without it at the first approval in a status, in percentage points{cut}. An association, "
        "not an effect; of 20 that make no difference, about one looks clear by chance.",
    )


def _by_month(report: Report, months: Sequence[Record]) -> Figure:
    """Did a new CTA coincide with more conversions?"""
    exposed: Counter[str] = Counter()
    for one in months:
        exposed[text(one, "value")] += round(known(one, "exposed"))
    values = [value for value, _ in exposed.most_common(len(_LOOKS))]
    looks = dict(zip(values, _LOOKS, strict=False))
    return figure(
        "cta-months",
        _latest([one for one in months if one["value"] in looks]),
        "A line for each CTA: of the customers who first saw it in a status in a month, the share "
        "that converted in time. The table By month has the same numbers.",
        partial(_lines, months, looks),
        keys=tuple(Key(words.cut(value, 26, 1), look, "line") for value, look in looks.items()),
        caption=f"Share that converted within {words.days(report.asked.within)} of first seeing it "
        f"in a status, by month; {_which(len(exposed))}. An association, not an effect.",
    )


def _latest(months: Sequence[Record]) -> str:
    """How those who saw each CTA in the latest observed month converted."""
    observed = [one for one in months if one["share"] is not None]
    if not observed:
        return "No month has been observed long enough to compare CTAs"
    last = max(day(one, "month") for one in observed)
    shares = [
        (known(one, "share"), words.cut(text(one, "value"), 20, 1), _of(one))
        for one in observed
        if one["month"] == last
    ]
    said = ", ".join(
        f"{value} {words.percent(share)} ({of})" for share, value, of in sorted(shares)[::-1]
    )
    return f"Converted of those who first saw a CTA in {words.month(last)}: {said}"


def _of(one: Record) -> str:
    """Of how many it is a share: of a few it says little."""
    return f"{words.count(known(one, 'converted'))} of {words.count(known(one, 'exposed'))}"


def _which(number: int) -> str:
    most = len(_LOOKS)
    return f"the {most} most frequent of {number} CTAs" if number > most else "all CTAs"


def _lines(months: Sequence[Record], looks: Mapping[str, str], size: Size) -> Drawing:
    every = sorted({day(one, "month") for one in months})
    place = {month: float(number) for number, month in enumerate(every)}
    given = []
    for value, look in looks.items():
        points = tuple(
            (place[day(one, "month")], share)
            for one in months
            if one["value"] == value and (share := real(one, "share")) is not None
        )
        given.append(Line(points, look, words.cut(value, 12, 1), value, dots=True))
    names = {number: words.month(month) for month, number in place.items()}
    return lines(
        size,
        given,
        words.short_percent,
        across="",
        say_across=lambda number: names.get(number, ""),
    )


def _message(name: str, rows: Sequence[Record]) -> str:
    """The largest difference that is clear; many are compared, so it may be chance."""
    clear = [one for one in rows if _is_clear(one)]
    if all(one["is_small"] for one in rows):
        return f"Too few customers to compare those with and without a {name}"
    if not clear:
        return f"No {name} goes with more or fewer conversions than chance explains"
    first = max(clear, key=lambda one: abs(known(one, "difference")))
    difference = known(first, "difference")
    more = "more" if difference > 0 else "fewer"
    value = words.cut(text(first, "value"), 26, 1)
    return (
        f"Approvals with {name} {value} go with {words.points(abs(difference))[1:]} "
        f"{more} conversions"
    )


def _is_clear(one: Record) -> bool:
    """Whether chance alone explains it badly; of few customers that cannot be told."""
    low, high = real(one, "difference_low"), real(one, "difference_high")
    if one["is_small"] or low is None or high is None:
        return False
    return low > 0 or high < 0


def _intervals(rows: Sequence[Record], size: Size) -> Drawing:
    return intervals(size, [_row(one) for one in rows], words.short_points)


def _row(one: Record) -> Row:
    difference = known(one, "difference")
    low, high = real(one, "difference_low"), real(one, "difference_high")
    note = count(round(known(one, "n")), "first approval") + (
        ", too few" if one["is_small"] else ""
    )
    said = words.points(difference).removesuffix(" points")
    tip = f"{text(one, 'value')}: {words.points(difference)}"
    if low is not None and high is not None:
        tip += f", from {words.points(low)} to {words.points(high)}"
    look = "1" if _is_clear(one) else "3"
    return Row(text(one, "value"), difference, said, note, low, high, look=look, tip=tip)
