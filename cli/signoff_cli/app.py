"""The commands by name. Each is in the module of its name, which is imported only when it runs.

So `signoff --help` is fast, and a command needs no package that only another command uses.
"""

import importlib
from functools import cache
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from signoff_cli.terminal import say

COMMANDS: Final = {
    "demo": "Show every step with 2,000 approvals.",
    "up": "Run servers, workers, web service; Ctrl-C ends.",
    "migrate": "Bring the database's schema up to date.",
    "schema": "Print the JSON Schema of a kind of event.",
    "doctor": "Check servers and settings.",
    "publish": "Publish events from a file of JSON lines.",
    "spool": "Publish the events of a spool file.",
    "worker": "Take events off the queue and apply them.",
    "health": "Show if workers are live and ready.",
    "serve": "Serve the HTTP API and the desk.",
    "relay": "Move events from an outbox to the queue.",
    "queue": "Pause and resume the workers.",
    "status": "Show queue, dead letters and workers.",
    "event": "Show the history of one event.",
    "interaction": "Show an interaction: state, ledger, moves.",
    "customer": "Show a customer, or set its status.",
    "feed": "Show or follow what was applied.",
    "webhook": "Tell other services what happened.",
    "funnel": "Show customers and their LTV by status.",
    "insight": "Show funnel, cohorts, LTV, forecast.",
    "rapport": "Keep what replies should know of customers.",
    "transitions": "Propose and decide status by rules.",
    "reviews": "Show, post and adopt replies for review.",
    "dlq": "Inspect, edit and replay dead letters.",
    "operations": "Show and run replays and discards.",
    "alert": "Send alerts of new dead letters.",
    "ledger": "Keep the ledger in partitions.",
    "prune": "Delete old settled dead letters.",
    "outbox": "Create, inspect and prune an outbox.",
    "reconcile": "Publish again what Redis lost.",
    "user": "Add and manage people who sign in.",
    "key": "Add and revoke keys of programs.",
    "roles": "Print the rights of each part, for a DBA.",
    "audit": "Check tables, account for every event.",
}


class LazyGroup(TyperGroup):
    """Lists commands without importing them; imports the one that is to run."""

    def invoke(
        self,
        ctx: Any,  # noqa: ANN401 -- typer does not name its context class in public
    ) -> Any:  # noqa: ANN401 -- the command may return anything
        """Run the command; if a value is refused, say why in plain words."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = importlib.import_module("signoff_cli.wrong_values").reason(error)
            raise

    def resolve_command(
        self,
        ctx: Any,  # noqa: ANN401 -- typer does not name its context class in public
        args: list[str],
    ) -> tuple[str | None, Any, list[str]]:
        """Replace the placeholder by the real command."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in COMMANDS else command, rest


@cache
def _load(name: str) -> TyperCommand | TyperGroup:
    """Import a command: the module's function of the same name, or its `app` of subcommands.

    Once in a process, since typer takes up to 10 ms to read the parameters of a group.
    """
    module = importlib.import_module(f"signoff_cli.{name}")
    if not hasattr(module, name):
        group: TyperGroup = typer.main.get_group(module.app)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(getattr(module, name))
    command: TyperCommand = typer.main.get_command(single)  # type: ignore[assignment]
    return command


def _version(wanted: bool) -> None:
    if wanted:
        metadata = importlib.import_module("importlib.metadata")
        say(f"signoff {metadata.version('signoff')}")
        raise typer.Exit


app: Final = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def signoff(
    _version_wanted: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Approval events over a Redis queue into Postgres, exactly once in effect.

    Settings come from the environment (SIGNOFF_…) and .env; without them, commands use the servers
    of a `signoff up` that runs in this folder. Exit codes: 0 done, 1 done but something was refused
    or differs, 2 the command or a setting is wrong or a server cannot be reached, 130 stopped by
    Ctrl-C.
    """


def _stand_in() -> None:
    """The placeholder in the list of commands for one that is not imported yet."""


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help)(_stand_in)


def run() -> None:
    """Run the command line; typer ends the process with the exit code."""
    app(prog_name="signoff")
