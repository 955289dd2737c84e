"""`signoff queue`: pause and resume the workers of the queue; see whether they are paused."""

from typing import Annotated, Final

import typer

from signoff_cli.ages import required_age
from signoff_cli.dlq.acting import Actor, Reason, actor_of
from signoff_cli.terminal import AsJson, say, show_json
from signoff_ops import queue_control
from signoff_ops.operating import Operator
from signoff_ops.queue_control import pause_data, paused_text
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Pause and resume the workers; see whether they are paused.",
)


@app.command("pause")
def pause(
    *,
    reason: Reason,
    lasting: Annotated[
        str | None,
        typer.Option("--for", metavar="AGE", help="Go on by itself after 30m, 2h, 1d; else never."),
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Pause all workers of this Redis, those of other queues too.

    They finish what they hold and take nothing more. Publishing goes on, so the queue grows.
    """
    time = None if lasting is None else required_age(lasting, "--for")
    operator = Operator(actor_of(actor), reason)
    begun = queue_control.pause(DirectServers(load_settings()), operator, lasting=time)
    if as_json:
        show_json(pause_data(begun))
    else:
        say(f"Paused {paused_text(begun)}")
        say("Workers finish what they hold; publishing goes on. `signoff queue resume` ends it.")


@app.command("resume")
def resume(*, reason: Reason, actor: Actor = None, as_json: AsJson = False) -> None:
    """Let the workers go on, whoever paused them."""
    operator = Operator(actor_of(actor), reason)
    ended = queue_control.resume(DirectServers(load_settings()), operator)
    if as_json:
        show_json({"ended": pause_data(ended)})
    else:
        say(f"Workers go on. They were paused {paused_text(ended)}")


@app.command("show")
def show(*, as_json: AsJson = False) -> None:
    """Show whether the workers are paused: by whom, since when, why. Exit 1 if they are."""
    found = queue_control.pause_of(DirectServers(load_settings()))
    if as_json:
        show_json({"pause": found and pause_data(found)})
    elif found:
        say(f"Paused {paused_text(found)}")
    else:
        say("Not paused: workers take what waits.")
    if found:
        raise typer.Exit(1)
