"""Apply batches from several connections at the same time."""

import threading
from collections.abc import Sequence

from approvals import delivery

from signoff_db.apply import apply
from signoff_db.connection import connect_for_batches
from signoff_schemas import AnyEvent


def in_parallel(database_url: str, lanes: Sequence[Sequence[Sequence[AnyEvent]]]) -> list[str]:
    """Apply the batches of each list in order, on a separate connection and thread."""
    results: list[str] = []
    failures: list[Exception] = []

    def work(batches: Sequence[Sequence[AnyEvent]]) -> None:
        try:
            with connect_for_batches(database_url, application="lane") as connection:
                for batch in batches:
                    results.extend(
                        str(o.result) for o in apply(connection, [delivery(e) for e in batch])
                    )
        except Exception as error:  # noqa: BLE001 -- reported by the test itself
            failures.append(error)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return results
