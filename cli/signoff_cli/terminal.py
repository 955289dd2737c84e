"""The output of commands: sentences and tables for people, JSON for machines.

Data goes to standard output, everything else to standard error. Text from outside is never read as
markup, and its characters that are not printable, also line breaks, are escaped.
"""

import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from textwrap import indent
from typing import Annotated, Final

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from signoff_cli.errors import UsageError
from signoff_cli.streams import holds_all_characters
from signoff_schemas.wording import ago, in_zone, json_text, printable

_WIDE: Final = 200
"""Width of a table without a terminal: piped output must not be cut at 80 columns."""

_FOLDED: Final = "message"
"""The name of the column that may take several lines."""
_FOLDED_WIDTH: Final = 30
_CELL_LIMIT: Final = 10_000
_LINE_LIMIT: Final = 20_000
"""Characters of one value, and of one line, that are shown."""
NOTHING: Final = "-"
"""The cell of a table without a value."""

AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of tables; times in UTC.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class _Console(Console):
    """A console that raises the error of a closed pipe, as other writes to the stream do."""

    def on_broken_pipe(self) -> None:
        """Rich calls this while it handles the error; its own method ends the process."""
        raise  # noqa: PLE0704


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDE
    return _Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


out: Final = _console(stderr=False)
err: Final = _console(stderr=True)


def say(text: str = "", *, style: str | None = None) -> None:
    """Write one line to standard output, whatever the text holds."""
    out.print(printable(text, limit=_LINE_LIMIT), style=style, soft_wrap=True)


def say_block(text: str) -> None:
    """Write a text of several lines to standard output, each indented: none looks like our own."""
    for line in text.split("\n"):
        say(f"  {line}")


def complain(text: str) -> None:
    """Write one line to standard error, whatever the text holds."""
    with suppress(OSError):  # it is closed or full
        err.print(printable(text, limit=_LINE_LIMIT), soft_wrap=True)


def show_json(value: object) -> None:
    """Write a value as JSON: times in UTC, amounts as strings."""
    typer.echo(json_text(value, indent=2, ascii_only=not holds_all_characters(sys.stdout)))


def show_json_list(values: Iterable[object]) -> None:
    """Write a list as JSON, value by value: it need not fit into memory."""
    written = False
    for value in values:
        text = json_text(value, indent=2, ascii_only=not holds_all_characters(sys.stdout))
        typer.echo(f"{',' if written else '['}\n{indent(text, '  ')}", nl=False)
        written = True
    typer.echo("\n]" if written else "[]")


def say_more(cursor: str | None, what: str) -> None:
    """Say how to see the next page, where there is one."""
    if cursor is not None:
        say(f"There are {what}: raise --limit, or see the next page with --after {cursor}")


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    right: Collection[str] = (),
) -> None:
    """Write a table; where it is wider than the terminal, write a list of names and values instead.

    Columns of numbers, and those that `right` names, are aligned to the right. A column of messages
    may be folded.
    """
    listed = [list(row) for row in rows]
    texts = [[cell(value) for value in row] for row in listed]
    if _width(columns, texts) > out.width:
        _show_list(columns, listed, title)
        return
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for at, name in enumerate(columns):
        cells = [row[at] for row in listed if row[at] is not None]
        numbers = name in right or (
            bool(cells) and all(type(cell) in {int, Decimal} for cell in cells)
        )
        table.add_column(
            name, justify="right" if numbers else "left", overflow="fold", no_wrap=name != _FOLDED
        )
    for row in texts:
        table.add_row(*row)
    out.print(table)


def _width(columns: Sequence[str], texts: Sequence[Sequence[str]]) -> int:
    """The least width of a table, with the lines between its columns."""
    widths = [
        max(cell_len(name), *(cell_len(row[at]) for row in texts), 0)
        for at, name in enumerate(columns)
    ]
    least = [
        min(width, _FOLDED_WIDTH) if name == _FOLDED else width
        for name, width in zip(columns, widths, strict=True)
    ]
    return sum(least) + 3 * len(columns) + 1


def _show_list(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None) -> None:
    if title:
        say(title, style="bold")
    for row in rows:
        present = [(n, v) for n, v in zip(columns, row, strict=True) if v is not None]
        show_fields(present)
        say()


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Write names and values, one a line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(name, cell(value))
    out.print(table)


def cell(value: object) -> str:
    """A value as people read it: times in their own zone, amounts with cents."""
    match value:
        case None:
            text = NOTHING
        case bool():
            text = "yes" if value else "no"
        case datetime():
            text = local(value)
        case timedelta():
            text = ago(value)
        case Decimal():
            text = f"{value:,.2f}"
        case int():
            text = f"{value:,}"
        case _:
            text = printable(str(value), limit=_CELL_LIMIT)
    return text


def local(moment: datetime) -> str:
    """A time in the reader's zone, or in its own zone if that cannot represent it."""
    return in_zone(moment, None).strftime("%Y-%m-%d %H:%M:%S %Z")


def progress() -> Progress:
    """A progress bar on standard error; it shows only on a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def confirm(question: str, *, yes: bool) -> None:
    """Ask before acting; anything but yes ends the command with nothing done.

    Raises:
        UsageError: nobody can be asked, and --yes was not given.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is no terminal to ask on; say --yes with the command")
    if not typer.confirm(question, err=True):
        complain("Nothing was changed.")
        raise typer.Exit(1)
