"""Killed at any point of a turn, the reader leaves contexts as they were, and goes on."""

import random
import signal
import sys
import threading
from pathlib import Path
from uuid import uuid4

from approvals import apply_events
from crashing_rapport import POINTS, REBUILD
from mixed_customers import mixed_customers
from plain_rapport import PlainReview, plain_contexts
from processes import environment, eventually, exit_code, process
from rapport import contexts_of, insert_reviews, open_rapport, rebuilt_texts, texts_of

from signoff_db.connection import connect, connect_for_batches
from signoff_schemas import AnyEvent


def test_contexts_are_right_after_being_killed_at_every_point(
    database_url: str, empty_database_url: str, rapport_url: str, tmp_path: Path
) -> None:
    """Twelve times, while events and reviews come in; at the end they are those of a rebuild."""
    events = list(mixed_customers(1500, 120))
    over, applied, posted = threading.Event(), list[AnyEvent](), list[PlainReview]()

    def work() -> None:
        chance = random.Random(16)
        with (
            connect_for_batches(database_url, application="worker") as worker,
            connect(database_url) as upstream,
        ):
            while not over.is_set():
                batch = [events.pop() for _ in range(min(len(events), chance.randint(1, 15)))]
                if batch:
                    apply_events(worker, *batch)
                applied.extend(batch)
                if not batch or chance.random() < 0.3:
                    one = chance.choice(applied)
                    said = {"customer": {"name": str(chance.random())}}
                    review = PlainReview(uuid4(), str(one.user_id), one.occurred_at, None, said)
                    insert_reviews(upstream, [review])
                    posted.append(review)
                over.wait(0.03)

    log = tmp_path / "log"
    points = [REBUILD, *POINTS, REBUILD, *POINTS]
    command = [sys.executable, "-m", "crashing_rapport", "again", *points]
    variables = environment("", database_url) | {"SIGNOFF_RAPPORT_URL": empty_database_url}
    working = threading.Thread(target=work)
    working.start()
    try:
        with process(*command, env=variables, log=log) as reader:
            for number in range(1, len(points) + 1):
                eventually(
                    lambda number=number: log.read_text().count("died") >= number,  # type: ignore[misc]
                    what=f"it died {number} times",
                    log=log,
                )
                if number == len(POINTS) + 1:
                    with open_rapport(database_url, rapport_url) as other:
                        other.begin_rebuild()
            over.set()
            working.join()
            wanted = plain_contexts(applied, posted)
            eventually(lambda: contexts_of(rapport_url) == wanted, what="all is kept", log=log)
            reader.send_signal(signal.SIGTERM)
            assert exit_code(reader, log=log) == 0
    finally:
        over.set()
        working.join()
    kept = texts_of(rapport_url)
    assert rebuilt_texts(database_url, rapport_url) == kept
