"""`signoff outbox`: an upstream's outbox, its table and what is in it; one subcommand a file."""

from typing import Final

import typer

from signoff_cli.outbox.create import create
from signoff_cli.outbox.dead_letter import dead_letter
from signoff_cli.outbox.prune import prune
from signoff_cli.outbox.refused import refused
from signoff_cli.outbox.sql import sql

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Make, look at and prune the outbox, in the database of SIGNOFF_OUTBOX_URL, or Signoff's.",
)
app.command("create")(create)
app.command("sql")(sql)
app.command("refused")(refused)
app.command("dead-letter")(dead_letter)
app.command("prune")(prune)
