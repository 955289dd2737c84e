"""`signoff webhook`: receivers of outgoing webhooks, what is sent to them, and the sender."""

from typing import Final

import typer

from signoff_cli.webhook.deliveries import deliveries, replay
from signoff_cli.webhook.receivers import add, disable, enable, list_, remove, rotate, send_test
from signoff_cli.webhook.run import run

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Tell other services of approved reviews and changed statuses.",
)
app.command("add")(add)
app.command("list")(list_)
app.command("test")(send_test)
app.command("deliveries")(deliveries)
app.command("replay")(replay)
app.command("rotate")(rotate)
app.command("disable")(disable)
app.command("enable")(enable)
app.command("remove")(remove)
app.command("run")(run)
