"""`signoff ledger`: the ledger in partitions, of which old ones can be detached."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from signoff_cli.errors import UsageError
from signoff_cli.terminal import AsJson, Yes, confirm, say, show_json
from signoff_ops.ledger import add_partition, detach_oldest, partition_ledger, partitions
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import Partition
from signoff_schemas.wording import in_utc

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
    end = _end(until)
    servers = DirectServers(load_settings())
    confirm(f"Put the ledger into partitions, the first up to {in_utc(end)}?", yes=yes)
    _show(partition_ledger(servers, end), as_json=as_json)


@app.command("add")
def add(*, until: Until, as_json: AsJson = False) -> None:
    """Add the next partition, from where the last one ends."""
    end = _end(until)
    _show(add_partition(DirectServers(load_settings()), end), as_json=as_json)


@app.command("detach")
def detach(*, yes: Yes = False, as_json: AsJson = False) -> None:
    """Detach the oldest partition, which is an ordinary table from then on.

    Balances stay as they are, and `signoff audit` stays exact. Events of that time which come
    later find no place, and become dead letters.
    """
    servers = DirectServers(load_settings())
    oldest = next(iter(partitions(servers)), None)
    if oldest is not None:
        confirm(f"Detach {oldest.partition}, up to {in_utc(oldest.until)}?", yes=yes)
    done = detach_oldest(servers, confirmed=oldest.partition if oldest else None)
    _show(done.partitions, detached=done.name, as_json=as_json)


def _show(found: Sequence[Partition], *, as_json: bool, detached: str | None = None) -> None:
    if as_json:
        listed = [{"partition": one.partition, "until": one.until} for one in found]
        show_json({"partitions": listed} | ({"detached": detached} if detached else {}))
        return
    if detached:
        say(f"Detached {detached}, an ordinary table from now on: export it, and drop it.")
    for one in found:
        say(f"{one.partition}  up to {in_utc(one.until)}")


def _end(text: str) -> datetime:
    """When a partition ends; without an offset it is meant in the reader's zone.

    Raises:
        UsageError: it is no instant. An age would be one of the past.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--until holds {text!r}; expected an instant such as 2027-01-01T00:00Z"
        ) from None
