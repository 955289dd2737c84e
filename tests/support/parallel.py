"""Apply batches from several connections at the same time."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from approvals import delivery
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection, connect_for_batches
from signoff_schemas import AnyEvent

Batches = Sequence[Sequence[AnyEvent]]


@contextmanager
def lanes_of(database_url: str, count: int) -> Iterator[list[BatchConnection]]:
    """So many connections, on which `apply_in_lanes` may be called again and again."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(connect_for_batches(database_url, application="lane"))
            for _ in range(count)
        ]


def in_parallel(database_url: str, lanes: Sequence[Batches]) -> list[str]:
    """Apply the batches of each list in order, on a separate connection and thread."""
    with lanes_of(database_url, len(lanes)) as connections:
        return apply_in_lanes(connections, lanes)


def apply_in_lanes(connections: Sequence[BatchConnection], lanes: Sequence[Batches]) -> list[str]:
    """Apply the batches of each list in order, on a connection and thread of its own."""
    results: list[str] = []
    failures: list[Exception] = []

    def work(connection: BatchConnection, batches: Batches) -> None:
        try:
            for batch in batches:
                results.extend(
                    str(o.result) for o in apply(connection, [delivery(e) for e in batch])
                )
        except Exception as error:  # noqa: BLE001 -- reported by the test itself
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=lane) for lane in zip(connections, lanes, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return results


def forget_events(connection: Connection[TupleRow]) -> None:
    """Empty the tables of events and states, without triggers.

    Not by TRUNCATE: after it, each connection would plan its statements anew.
    """
    connection.execute(
        "SET session_replication_role = replica;"
        " DELETE FROM interactions; DELETE FROM approvals; DELETE FROM customers;"
        " DELETE FROM dead_letters; DELETE FROM status_decisions;"
        " SET session_replication_role = origin"
    )
