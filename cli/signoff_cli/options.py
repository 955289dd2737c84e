"""Options that several commands have."""

import math
from pathlib import Path
from typing import Annotated

import typer

Export = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="First write them to this new file, and FILE.sha256."),
]

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="The most to list.")]
After = Annotated[
    str | None,
    typer.Option(metavar="CURSOR", help="List the page after the one that gave this cursor."),
]


def option(field: str) -> str:
    """The command option for a setting."""
    return f"--{field.replace('_', '-')}"


def check_with(export: Path) -> str:
    """Say where the exported rows are, and the command that checks the file."""
    return f"They are in {export}; check it with: sha256sum -c {export.name}.sha256"


def finite(value: float | None) -> float | None:
    """A callback for numeric options, since inf and nan would pass the checks of some bounds.

    Raises:
        typer.BadParameter: it is not a finite number.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value
