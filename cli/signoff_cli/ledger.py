"""`signoff ledger`: the ledger in partitions, of which old ones can be detached."""

from datetime import datetime
from typing import Annotated, Final

import typer

from signoff_cli.dlq.choosing import moment
from signoff_cli.terminal import AsJson, Yes, confirm, say, show_json
from signoff_db.ledger_partitions import (
    Partition,
    add_partition,
    detach_oldest,
    partition_ledger,
    partitions,
)
from signoff_db.read_connection import database_of
from signoff_ops.services import load_settings

app: Final = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keep the ledger in partitions by occurred_at, and detach old ones.",
)
Until = Annotated[
    str, typer.Option(metavar="INSTANT", help="It ends before: 2027-01-01T00:00Z, for example.")
]


@app.command("partition")
def partition(*, until: Until, yes: Yes = False, as_json: AsJson = False) -> None:
    """Make all that the ledger holds its first partition; workers wait meanwhile."""
    end = moment(until, "--until")
    with database_of(load_settings()) as connection:
        confirm(f"Put the ledger into partitions, the first up to {end.isoformat()}?", yes=yes)
        partition_ledger(connection, end)
        _tell(partitions(connection), as_json=as_json)


@app.command("add")
def add(*, until: Until, as_json: AsJson = False) -> None:
    """Add the next partition, from where the last one ends."""
    end = moment(until, "--until")
    with database_of(load_settings()) as connection:
        add_partition(connection, end)
        _tell(partitions(connection), as_json=as_json)


@app.command("detach")
def detach(*, yes: Yes = False, as_json: AsJson = False) -> None:
    """Detach the oldest partition, which is an ordinary table from then on.

    Balances stay as they are, and `signoff audit` stays exact. Events of that time which come
    later find no place, and become dead letters.
    """
    with database_of(load_settings()) as connection:
        oldest = next(iter(partitions(connection)), None)
        if oldest is not None:
            confirm(f"Detach {oldest.partition}, up to {_shown(oldest.until)}?", yes=yes)
        name = detach_oldest(connection, confirmed=oldest.partition if oldest else None)
        _tell(partitions(connection), detached=name, as_json=as_json)


def _tell(found: list[Partition], *, as_json: bool, detached: str | None = None) -> None:
    if as_json:
        listed = [{"partition": one.partition, "until": _shown(one.until)} for one in found]
        show_json({"partitions": listed} | ({"detached": detached} if detached else {}))
        return
    if detached:
        say(f"Detached {detached}, an ordinary table from now on: export it, and drop it.")
    for one in found:
        say(f"{one.partition}  up to {_shown(one.until)}")


def _shown(instant: datetime) -> str:
    return instant.isoformat()
