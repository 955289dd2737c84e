"""`signoff worker`."""

from typing import Annotated

import typer

from signoff_cli.options import option
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.worker import run_workers


def worker(
    *,
    burst: Annotated[bool, typer.Option("--burst", help="End when nothing waits.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Run so many, and replace those that die. [one, as it is]"
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Events taken at a time [SIGNOFF_BATCH_SIZE, 1000].")
    ] = None,
    queue: Annotated[
        str | None, typer.Option(help="The queue's name [SIGNOFF_QUEUE, approvals].")
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            help="Serve /live and /ready over HTTP; with --processes, each on its own port, "
            "from this one on [SIGNOFF_HEALTH_PORT, none]."
        ),
    ] = None,
) -> None:
    """Take events off the queue and apply them.

    Ctrl-C or SIGTERM ends it after its current batch, a second one at once; then another worker
    gets the batch. RQ's own tools (rq info, rq suspend) see these workers.
    """
    settings = load_settings(
        named=option, queue=queue, batch_size=batch_size, health_port=health_port
    )
    run_workers(DirectServers(settings), processes=processes, burst=burst)
