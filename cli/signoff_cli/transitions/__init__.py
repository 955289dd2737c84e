"""`signoff transitions`: rules that tell which customers should get another status."""

from typing import Final

import typer

from signoff_cli.transitions.decide import approve, reject, snooze, undo
from signoff_cli.transitions.look import list_, runs, show
from signoff_cli.transitions.rules import backtest, check
from signoff_cli.transitions.run import run
from signoff_cli.transitions.switch import resume, stop

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Propose and decide by rules which customers get another status.",
)
app.command("check")(check)
app.command("backtest")(backtest)
app.command("run")(run)
app.command("list")(list_)
app.command("show")(show)
app.command("approve")(approve)
app.command("reject")(reject)
app.command("snooze")(snooze)
app.command("undo")(undo)
app.command("stop")(stop)
app.command("resume")(resume)
app.command("runs")(runs)
