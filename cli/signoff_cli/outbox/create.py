"""`signoff outbox create`."""

from signoff_cli.terminal import say
from signoff_db.connection import connect
from signoff_db.read_connection import explained
from signoff_ops.services import load_settings
from signoff_producer.outbox import SCHEMA
from signoff_schemas import masked


def create() -> None:
    """Make the table signoff_outbox, or bring it up to date; every row stays as it is."""
    url = load_settings().outbox
    with connect(url, application="signoff cli", outbox=True) as connection, explained(url):
        connection.execute(SCHEMA)
    say(f"The database at {masked(url)} has the table signoff_outbox.")
