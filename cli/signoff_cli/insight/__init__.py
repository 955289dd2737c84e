"""`signoff insight`: what the ledger means, from customer facts that are kept from the feed."""

from typing import Final

import typer

from signoff_cli.insight.run import rebuild, run

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Show what the ledger means: funnel, cohorts, LTV, forecast; keep the customer facts.",
)
app.command("run")(run)
app.command("rebuild")(rebuild)
