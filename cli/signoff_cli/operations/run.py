"""`signoff operations run | cancel`."""

from signoff_cli.dlq.acting import Actor, actor_of
from signoff_cli.operations.look import Id
from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import say
from signoff_ops.operation_run import run_operations
from signoff_ops.operation_text import sentence
from signoff_ops.operations import cancel_operation
from signoff_ops.process import log_to_stderr, spend_time_on_events
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings


def run() -> None:
    """Run operations until stopped: work on those that wait, one after the other.

    Any number may run; `signoff serve` and `signoff up` run one. Ctrl-C or SIGTERM ends one after
    its current batch, and another one goes on with the operation.
    """
    settings = load_settings()
    log_to_stderr(settings)
    spend_time_on_events()
    with stop_on_signals() as stop:
        run_operations(settings, stop)


def cancel(number: Id, *, actor: Actor = None) -> None:
    """End an operation; what it has done stays."""
    say(sentence(cancel_operation(DirectServers(load_settings()), number, actor_of(actor))))
