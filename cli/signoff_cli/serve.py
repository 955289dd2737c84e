"""`signoff serve`."""

from typing import Annotated

import typer

from signoff_cli.kept_running import kept_running
from signoff_cli.options import option
from signoff_ops.process import log_to_stderr
from signoff_ops.services import environment, load_settings
from signoff_web.serving import serve as serve_until_signal


def serve(
    *,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on [SIGNOFF_WEB_HOST, 127.0.0.1].")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="The port [SIGNOFF_WEB_PORT, 8420].")
    ] = None,
) -> None:
    """Serve the HTTP API, the review desk and the console.

    A second process runs what operators start there (`signoff operations run`). Ctrl-C or SIGTERM
    finishes the requests and the batch in hand.
    """
    settings = load_settings(
        named=lambda field: option(field.removeprefix("web_")), web_host=host, web_port=port
    )
    log_to_stderr(settings)
    with kept_running("the runner of operations", ("operations", "run"), environment(settings)):
        serve_until_signal(settings)
