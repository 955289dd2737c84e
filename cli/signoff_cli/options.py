"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Export = Annotated[
    Path | None,
    typer.Option(dir_okay=False, help="First write them to this new file, and FILE.sha256."),
]
