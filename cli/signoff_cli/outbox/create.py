"""`signoff outbox create`."""

from signoff_cli.terminal import say
from signoff_ops.outbox import create_outbox
from signoff_ops.services import load_settings
from signoff_schemas import masked


def create() -> None:
    """Make the table signoff_outbox, or bring it up to date; every row stays as it is."""
    url = load_settings().outbox
    create_outbox(url)
    say(f"The database at {masked(url)} has the table signoff_outbox.")
