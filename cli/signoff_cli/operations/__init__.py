"""`signoff operations`: replays and discards that were started in the console or by the API."""

from typing import Final

import typer

from signoff_cli.operations.look import list_, show
from signoff_cli.operations.run import cancel, run

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Replays and discards that were started in the console or by the API.",
)
app.command("list")(list_)
app.command("show")(show)
app.command("cancel")(cancel)
app.command("run")(run)
