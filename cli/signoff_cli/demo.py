"""`signoff demo`: all steps of 2,000 approvals, and charts of 5,000 more, on real servers."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Annotated, Final

import typer

from signoff_cli.children import (
    can_serve,
    running_desk,
    running_workers,
    show_desk,
    wait_for,
    wait_until_served,
)
from signoff_cli.demo_steps import Demo, show_step
from signoff_cli.stopping import stop_on_signals
from signoff_cli.terminal import say
from signoff_embedded import embedded_services
from signoff_ops.demo_history import GREETER
from signoff_ops.services import Announced, announcement, environment
from signoff_schemas import Settings

_PAGES: Final = tuple(
    f"/insight/{name}?reviewer={GREETER}" for name in ("funnel", "cohorts", "reviewers", "forecast")
)


def demo(
    *,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Then keep the servers running, with the web service."),
    ] = False,
) -> None:
    """Show every step of 2,000 approvals, and charts of 5,000 more, on its own servers.

    The servers run in a temporary folder, which is deleted at the end.
    """
    started = time.monotonic()
    with (
        announcement() if keep else nullcontext() as announce,
        tempfile.TemporaryDirectory(prefix="signoff-demo-") as folder,
    ):
        show_step("Starting Valkey and Postgres in a temporary folder.", "signoff up")
        with embedded_services(Path(folder), fsync=False) as services:
            settings = Settings.load(
                redis_url=services.redis_url,
                database_url=services.database_url,
                rapport_url=services.rapport_url,
                queue="approvals",
                retry_attempts=2,
                retry_delay=0.5,
                log_format="json",
            )
            os.environ.update(environment(settings))
            steps = Demo(settings, Path(folder))
            code = steps.run()
            say()
            say(f"That took {time.monotonic() - started:.0f} seconds.")
            if announce:
                _keep_running(settings, announce, steps.somebody())
    if not keep:
        say(f"To open the console and the charts on this data: {_command()} demo --keep")
        say(f"The charts are on {', '.join(_PAGES)}; what rules propose is on /transitions.")
        say(f"To start empty servers that keep their data: {_command()} up (or make up)")
    raise typer.Exit(code)


def _command() -> str:
    """How this program is called: by its path, where it is in no folder of PATH."""
    program = sys.argv[0]
    is_found = shutil.which("signoff") or Path(program).name != "signoff"
    return "signoff" if is_found else program


def _keep_running(settings: Settings, announce: Callable[[Announced], None], user: str) -> None:
    """Keep the servers running, with a worker and the web service, until a signal comes.

    `user` is the customer whose context commands show.
    """
    with stop_on_signals() as stop, ExitStack() as stack:
        children, desk = [stack.enter_context(running_workers(settings, 1))], None
        if can_serve():
            desk = stack.enter_context(running_desk(settings))
            children += desk.children
            wait_until_served(stop, desk)
            show_desk(settings, desk)
            for page in _PAGES:
                say(f"Charts    {desk.url}{page}")
            say(f"Proposals {desk.url}/transitions/proposals?rule=churn-silence")
            say(f"Rules     {desk.url}/transitions")
            say(f"Desk      {desk.url}/desk, with figures on {desk.url}/insight/desk")
            say(f"Customer  {desk.url}/customers/{user}")
            say(f"Context   {_command()} rapport show {user}")
            say(
                f"          KEY=$({_command()} key add reader --scope read); "
                f'curl -H "Authorization: Bearer $KEY" {desk.url}/v1/customers/{user}/context'
            )
        announce(Announced.of(settings, web_url=desk.url if desk else None))
        say(
            "Other commands in this folder find these servers. Ctrl-C ends them, and deletes "
            "their data."
        )
        wait_for(stop, (), children)
