"""`signoff dlq`: inspect, edit and replay dead letters; one subcommand a file."""

from typing import Final

import typer

from signoff_cli.dlq.discard import discard
from signoff_cli.dlq.edit import edit
from signoff_cli.dlq.export import export
from signoff_cli.dlq.groups import groups
from signoff_cli.dlq.list import list_
from signoff_cli.dlq.replay import replay
from signoff_cli.dlq.show import show

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Inspect, edit and replay dead letters: events that could not be applied.",
)
app.command("list")(list_)
app.command("show")(show)
app.command("groups")(groups)
app.command("replay")(replay)
app.command("edit")(edit)
app.command("discard")(discard)
app.command("export")(export)
