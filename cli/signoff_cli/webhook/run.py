"""`signoff webhook run`."""

from signoff_cli.stopping import stop_on_signals
from signoff_ops.process import log_to_stderr
from signoff_ops.services import load_settings
from signoff_ops.webhook_run import run_webhooks


def run() -> None:
    """Send webhooks until stopped: write what follows from the feed, and send what is due.

    Any number may run. Ctrl-C or SIGTERM ends one within SIGNOFF_STOP_TIMEOUT; what is under way
    then and not answered is sent again, with the same id.
    """
    settings = load_settings()
    log_to_stderr(settings)
    with stop_on_signals() as stop:
        run_webhooks(settings, stop)
