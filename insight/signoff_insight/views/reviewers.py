"""Reviewers, edit tags and CTAs: what goes together with conversions, without being their cause."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, Column, Reach, Report, Table, Unit, Value, add_months
from signoff_insight.statistics.differences import Difference, Pair, difference, pooled
from signoff_insight.statistics.wilson import share_of, wilson
from signoff_insight.views.exposures import MONTHS, MOST, Exposures, exposures_of
from signoff_insight.views.selection import DAY, begin_of
from signoff_insight.views.wording import with_days
from signoff_schemas import EDIT_TAGS

NAME: Final = "reviewers"
TITLE: Final = "Reviewers and CTAs"
DEFINITION: Final = (
    "Of the customers whose first approval in a status (not CUSTOMER) was at least W days before"
    " the latest event, the share that became CUSTOMER within W days after it: those whose approval"
    " had a tag, reviewer or CTA, beside those whose approval had another or none; an association,"
    " never an effect."
)
SMALL: Final = 30
"""A comparison with fewer customers than this on one side is marked."""
_FACTOR: Final = (Column("factor", "Factor", Unit.TEXT), Column("value", "Value", Unit.TEXT))
_DIFFERENCE: Final = (
    Column("difference", "Difference", Unit.POINTS),
    Column("difference_low", "At least", Unit.POINTS),
    Column("difference_high", "At most", Unit.POINTS),
)
_IS_SMALL: Final = Column("is_small", "Fewer than 30 on one side", Unit.FLAG)
_FACTORS: Final = (
    *_FACTOR,
    Column("status", "Status", Unit.TEXT),
    Column("with_n", "Customers with it"),
    Column("with_converted", "Converted"),
    Column("with_share", "Share", Unit.SHARE),
    Column("low", "At least", Unit.SHARE),
    Column("high", "At most", Unit.SHARE),
    Column("without_n", "Customers without it"),
    Column("without_converted", "Converted without it"),
    Column("without_share", "Share without it", Unit.SHARE),
    *_DIFFERENCE,
    _IS_SMALL,
)
_POOLED: Final = (*_FACTOR, Column("n", "First approvals with it"), *_DIFFERENCE, _IS_SMALL)
_MONTHS: Final = (
    Column("month", "Month", Unit.MONTH),
    *_FACTOR,
    Column("exposed", "First exposures"),
    Column("converted", "Converted in time"),
    Column("share", "Share", Unit.SHARE),
)
_NOTES: Final = (
    (
        "Both sides are counted from the same moment, the first approval in the status, and by"
        " what it showed. Customers who saw something only later are on the side without it: to"
        " take only those who never saw it would favor that side, since who converts soon sees"
        " little."
    ),
    (
        "Nobody drew lots which customer got what: reviewers choose their edits, and times change."
        " Differences may have other causes."
    ),
    (
        f"Of {len(EDIT_TAGS)} tags that make no difference at all, about one looks different by"
        " chance: its interval of 95 % leaves out 0."
    ),
    (
        "Pooled differences are those of Mantel and Haenszel over the statuses. They count first"
        " approvals: a customer has one in each status. Comparisons with fewer than"
        f" {SMALL} on one side are marked: they say little. A status in which one side is empty"
        " compares nothing."
    ),
    (
        "By month stand the first exposures of each customer to each value in each status, also"
        " those after the first approval; converted and share only of months of which everybody was"
        f" observed. Without a first day these are the latest {MONTHS} months. Of reviewers and"
        f" CTAs the {MOST} with the most exposures are named."
    ),
)


def reviewers(connection: Connection[TupleRow], asked: Asked, reach: Reach) -> Report:
    """Conversions with and without each tag, reviewer and CTA."""
    found = exposures_of(connection, asked, reach)
    tables = (
        Table("pooled", "Over all statuses", _POOLED, tuple(_each(found, _pooled))),
        Table("factors", "By status", _FACTORS, tuple(_each(found, _by_status))),
        Table("months", "By month", _MONTHS, tuple(_months(found, asked, reach))),
    )
    definition = with_days(DEFINITION, asked.within)
    return Report(NAME, TITLE, definition, asked, reach, tables, notes=_NOTES)


def _each(
    found: Exposures, rows: Callable[[Sequence[tuple[str, Pair]]], Iterator[tuple[Value, ...]]]
) -> Iterator[tuple[Value, ...]]:
    """The rows of all values."""
    for factor, value in found.values:
        for row in rows(list(found.strata(factor, value))):
            yield factor, value, *row


def _pooled(strata: Sequence[tuple[str, Pair]]) -> Iterator[tuple[Value, ...]]:
    pairs = [pair for _, pair in strata]
    with_n = sum(pair.with_n for pair in pairs)
    compared = [pair for pair in pairs if pair.with_n and pair.without_n]
    sides = sum(pair.with_n for pair in compared), sum(pair.without_n for pair in compared)
    yield with_n, *_difference(pooled(compared)), min(sides) < SMALL


def _by_status(strata: Sequence[tuple[str, Pair]]) -> Iterator[tuple[Value, ...]]:
    for status, pair in strata:
        interval = wilson(pair.with_converted, pair.with_n)
        yield (
            status,
            pair.with_n,
            pair.with_converted if pair.with_n else None,
            share_of(pair.with_converted, pair.with_n),
            interval.low if interval else None,
            interval.high if interval else None,
            pair.without_n,
            pair.without_converted if pair.without_n else None,
            share_of(pair.without_converted, pair.without_n),
            *_difference(difference(pair)),
            min(pair.with_n, pair.without_n) < SMALL,
        )


def _difference(found: Difference | None) -> tuple[float | None, float | None, float | None]:
    if found is None:
        return None, None, None
    return found.value, found.interval.low, found.interval.high


def _months(found: Exposures, asked: Asked, reach: Reach) -> Iterator[tuple[Value, ...]]:
    order = {value: place for place, value in enumerate(found.values)}
    for month, factor, value in sorted(
        found.by_month, key=lambda key: (key[0], order[key[1], key[2]])
    ):
        count = found.by_month[month, factor, value]
        end = begin_of(add_months(month, 1), reach.timezone)
        is_complete = reach.data_until is not None and end + asked.within * DAY <= reach.data_until
        converted = count.converted if is_complete else None
        share = share_of(count.converted, count.exposed) if is_complete else None
        yield month, factor, value, count.exposed, converted, share
