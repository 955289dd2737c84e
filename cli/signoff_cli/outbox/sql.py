"""`signoff outbox sql`."""

import typer

from signoff_producer.outbox import SCHEMA


def sql() -> None:
    """Print the SQL that makes the table, for an upstream's own migrations."""
    typer.echo(SCHEMA, nl=False)
