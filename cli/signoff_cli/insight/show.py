"""`signoff insight <view>`: one command for each view, made from what the view takes."""

import inspect
from collections.abc import Callable
from typing import Annotated, Final, TypeAlias

import typer

from signoff_cli.errors import UsageError
from signoff_cli.terminal import AsJson, say, show_fields, show_json, show_table
from signoff_ops.insight import (
    Filter,
    Report,
    Table,
    Unit,
    View,
    filters_of,
    only_table,
    report,
)
from signoff_ops.insight_data import asked_data, csv_of, report_data, report_reach_text, shown
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings

_MOST_ROWS: Final = 40
"""Rows of a table that are shown where several are."""
_NUMBERS: Final = frozenset(
    {Unit.COUNT, Unit.SHARE, Unit.POINTS, Unit.USD, Unit.DAYS, Unit.MINUTES, Unit.NUMBER}
)
_METAVARS: Final = {"within": "DAYS", "cohort": "MONTH", "reviewer": "ID", "tag": "TAG"}

AsCsv: TypeAlias = Annotated[
    bool, typer.Option("--csv", help="CSV: one table, the first unless --table names another.")
]
TableName: TypeAlias = Annotated[
    str | None, typer.Option("--table", metavar="NAME", help="Only this table, with all its rows.")
]


def command_of(view: View) -> Callable[..., None]:
    """The function behind a view's command, with an option for each filter that the view takes."""

    def show(*, as_json: bool, as_csv: bool, table: str | None, **wanted: str | None) -> None:
        if as_json and as_csv:
            raise UsageError("--json and --csv exclude each other; choose one")
        found = only_table(report(DirectServers(load_settings()), view.name, wanted), table)
        if as_json:
            show_json(report_data(found))
        elif as_csv:
            typer.echo(csv_of(found.tables[0]), nl=False)
        else:
            _show(found, most=_MOST_ROWS if table is None else None)

    parameters = [*map(_option, filters_of(view)), *_OUTPUT]
    show.__doc__ = view.definition
    # What typer reads instead of the function's own arguments.
    show.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    show.__annotations__ = {each.name: each.annotation for each in parameters}
    return show


def _option(wanted: Filter) -> inspect.Parameter:
    option = typer.Option(
        f"--{wanted.name}", metavar=_METAVARS.get(wanted.name, "DAY"), help=wanted.about
    )
    return _keyword(wanted.name, Annotated[str | None, option], None)


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


_OUTPUT: Final = (
    _keyword("table", TableName, None),
    _keyword("as_json", AsJson, default=False),
    _keyword("as_csv", AsCsv, default=False),
)


def _show(found: Report, *, most: int | None) -> None:
    """Show a report to a person; of each table `most` rows."""
    say(found.title, style="bold")
    say(found.definition)
    say(report_reach_text(found))
    asked = {name: value for name, value in asked_data(found).items() if value is not None}
    if asked:
        say(f"Asked: {', '.join(f'{name} {value}' for name, value in asked.items())}.")
    for warning in found.warnings:
        say(warning)
    if found.figures:
        say()
        show_fields([(name, _figure(name, value)) for name, value in found.figures.items()])
    for table in found.tables:
        say()
        _show_table(table, most)
    if found.notes:
        say()
    for note in found.notes:
        say(f"- {note}")


def _show_table(table: Table, most: int | None) -> None:
    title = f"{table.title} ({table.name})"
    if not table.rows:
        say(f"{title}: nothing")
        return
    rows = table.rows[:most]
    show_table(
        [column.title for column in table.columns],
        [
            [shown(value, column.unit) for value, column in zip(row, table.columns, strict=True)]
            for row in rows
        ],
        title=title,
        right=[column.title for column in table.columns if column.unit in _NUMBERS],
    )
    if left := len(table.rows) - len(rows):
        say(f"{left:,} more rows: --table {table.name}, or --csv --table {table.name}")


def _figure(name: str, value: object) -> str:
    """A figure on one line; its name says what it is."""
    match value:
        case dict():
            return ", ".join(f"{each} {_figure(each, held)}" for each, held in value.items())
        case None:
            return "not known"
        case float() if name.endswith("_usd"):
            return f"{value:,.2f}"
        case float():
            return f"{value:,.3f}"
        case int():
            return f"{value:,}"
    return str(value)
