"""`signoff rapport`: what the next reply should know of each customer, in a second database."""

from typing import Final

import typer

from signoff_cli.rapport.audit import audit
from signoff_cli.rapport.run import create, rebuild, run
from signoff_cli.rapport.show import show

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keep what the next reply should know of each customer, in a second database.",
)
app.command("create")(create)
app.command("run")(run)
app.command("rebuild")(rebuild)
app.command("audit")(audit)
app.command("show")(show)
