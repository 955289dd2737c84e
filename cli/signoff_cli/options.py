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
    """The option of a command that stands for a setting."""
    return f"--{field.replace('_', '-')}"


def check_with(export: Path) -> str:
    """Where the exported rows are, and the command that checks the file."""
    return f"They are in {export}; check it with: sha256sum -c {export.name}.sha256"


def finite(value: float | None) -> float | None:
    """A callback of options that are numbers: inf and nan pass the bounds of some, and mean none.

    Raises:
        typer.BadParameter: it is no finite number.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value
