"""A report as data: for JSON, as CSV, and as texts for people."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from signoff_insight.report import Reach, Report, Table, Unit, Value
from signoff_ops.insight import view_named
from signoff_ops.insight_filters import filters_of
from signoff_schemas.wording import in_zone, lasting, printable

OF_REVIEWS: Final = "desk"
"""The view that does not read the customer facts."""
_MONTH: Final = len("2021-03")
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With these, a spreadsheet takes a text for a formula; some also if they are full-width."""


def views_data(found: Iterable[Any]) -> list[dict[str, Any]]:
    """The views, as a list tells them."""
    return [
        {
            "name": view.name,
            "title": view.title,
            "definition": view.definition,
            "filters": [each.name for each in filters_of(view)],
        }
        for view in found
    ]


def report_data(report: Report) -> dict[str, Any]:
    """A report for JSON; its figures are at the top level, its tables by name under `tables`.

    Amounts are strings with two places, months `2021-03`, days `2021-03-31`, shares from 0 to 1;
    null is what is not known, or not observed yet.
    """
    return {
        **{name: _as_plain(value) for name, value in report.figures.items()},
        "name": report.name,
        "title": report.title,
        "definition": report.definition,
        "asked": asked_data(report),
        "reach": {
            "timezone": report.reach.timezone,
            "data_until": report.reach.data_until,
            "provisional_since": _as_plain(report.reach.provisional_since),
            "rebuilt": report.reach.rebuilt,
        },
        "notes": [*report.warnings, *report.notes],
        "columns": {
            table.name: [
                {"name": column.name, "title": column.title, "unit": str(column.unit)}
                for column in table.columns
            ]
            for table in report.tables
        },
        "tables": {table.name: _records(table) for table in report.tables},
    }


def asked_data(report: Report) -> dict[str, Any]:
    """What was asked, as the filters would hold it; null is a filter that was not used."""
    names = [each.name for each in filters_of(view_named(report.name))]
    return {name: _asked(name, getattr(report.asked, name)) for name in names}


def csv_of(table: Table) -> str:
    """A table as CSV, with the names of its columns; the same values as in JSON.

    What is not known is empty. Characters of a text that are not printable are escaped, and a text
    that a spreadsheet would take for a formula gets an apostrophe before it: anybody may have
    chosen it.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    units = [column.unit for column in table.columns]
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow([_cell(v, unit) for v, unit in zip(row, units, strict=True)])
    return written.getvalue()


def shown(value: Value, unit: Unit) -> str | None:
    """A value as people read it: shares in percent, differences of them in points; else None."""
    plain = _plain(value, unit)
    match plain, unit:
        case None, _:
            text = None
        case bool(), _:
            text = "yes" if plain else "no"
        case _, Unit.USD:
            text = f"{Decimal(plain):,}"
        case int() | float(), Unit.SHARE:
            text = f"{100 * plain:.1f} %"
        case int() | float(), Unit.POINTS:
            points = f"{100 * plain:+.1f}"
            text = f"{'0.0' if points in {'+0.0', '-0.0'} else points} points"
        case int() | float(), Unit.DAYS:
            text = f"{plain:,.1f}"
        case int() | float(), Unit.MINUTES:
            text = lasting(60 * plain)
        case float(), _:
            text = f"{plain:,.3f}"
        case int(), _:
            text = f"{plain:,}"
        case _:
            text = str(plain)
    return text


def report_reach_text(report: Report) -> str:
    """How far the data of a report reaches; the desk's is of the reviews, so of now."""
    if report.name == OF_REVIEWS:
        now = datetime.now(ZoneInfo(report.reach.timezone))
        return f"Read from the reviews at {now:%Y-%m-%d %H:%M} ({report.reach.timezone})."
    return reach_text(report.reach)


def reach_text(reach: Reach) -> str:
    """How far the data of a report reaches, in a few sentences."""
    zone = reach.timezone
    if reach.data_until is None:
        return f"There is no event yet. Days are those of {zone}."
    until = in_zone(reach.data_until, ZoneInfo(zone))
    late = (
        ""
        if reach.provisional_since is None
        else f" From {reach.provisional_since} on, late events may still change the numbers."
    )
    rebuilt = (
        ""
        if reach.rebuilt is None
        else f" The facts are being computed, {100 * reach.rebuilt:.0f} % are done."
    )
    return f"Data until {until:%Y-%m-%d %H:%M} ({zone}).{late}{rebuilt}"


def _records(table: Table) -> list[dict[str, Any]]:
    columns = table.columns
    return [
        {
            column.name: _plain(value, column.unit)
            for column, value in zip(columns, row, strict=True)
        }
        for row in table.rows
    ]


def _plain(value: Value, unit: Unit) -> Any:  # noqa: ANN401 -- a value of JSON
    match value:
        case None | bool() | str():
            return value
        case date():
            return value.isoformat()[: _MONTH if unit is Unit.MONTH else None]
        case float() if not math.isfinite(value):
            return None
        case Decimal() | float() | int() if unit is Unit.USD:
            return f"{value:.2f}"
        case Decimal():
            return float(value)
    return value


def _cell(value: Value, unit: Unit) -> object:
    plain = _plain(value, unit)
    match plain:
        case bool():
            return "true" if plain else "false"
        case str() if unit is Unit.TEXT:
            text = printable(plain)
            return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
    return plain


def _asked(name: str, value: Value) -> Any:  # noqa: ANN401 -- a value of JSON
    return _plain(value, Unit.MONTH if name == "cohort" else Unit.TEXT)


def _as_plain(value: object) -> Any:  # noqa: ANN401 -- a value of JSON
    """A figure, or a part of one, as JSON holds it."""
    match value:
        case Mapping():
            return {str(name): _as_plain(held) for name, held in value.items()}
        case list() | tuple():
            return [_as_plain(held) for held in value]
        case date() if not isinstance(value, datetime):
            return value.isoformat()
        case float() if not math.isfinite(value):
            return None
    return value
