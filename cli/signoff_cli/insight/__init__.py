"""`signoff insight`: what the ledger means, from customer facts that are kept from the feed."""

from typing import Final

import typer

from signoff_cli.insight.run import rebuild, run
from signoff_cli.insight.show import command_of
from signoff_ops.insight import views

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Show what the ledger means: funnel, cohorts, LTV, forecast; keep the customer facts.",
)
for _view in views():
    app.command(_view.name, short_help=_view.title)(command_of(_view))
app.command("run")(run)
app.command("rebuild")(rebuild)
