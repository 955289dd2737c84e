"""Facts and contexts follow what other systems change in their table, without any event."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID, uuid4

import psycopg
import pytest
from approvals import apply_events, approval, decision
from blocking import await_blocked
from fact_tables import Tables, tables_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_rapport import PlainReview
from psycopg import Connection
from psycopg.rows import TupleRow
from rapport import catch_up, contexts_of, insert_reviews, rebuilt_texts, texts_of

from signoff_db.audit import audit
from signoff_db.connection import BatchConnection
from signoff_db.feed_reader import Turn
from signoff_insight.facts.reader import FactsReader
from signoff_insight.rapport.reader import RapportReader
from signoff_schemas import CUSTOMER_STATUSES, AnyEvent

OLD = ("REPEATABLE READ", "SERIALIZABLE")
BOUGHT = {"user_id": "ann", "customer_status": "CUSTOMER", "ltv_amount": "5"}
NOBODYS = BOUGHT | {"user_id": None}


@dataclass(frozen=True)
class Both:
    """Both readers, with what they keep."""

    facts: FactsReader
    contexts: RapportReader
    ledger: Connection[TupleRow]
    ledger_url: str
    rapport_url: str

    def catch_up(self) -> None:
        """Until there is nothing more for either."""
        while self.facts.turn() is not Turn.CAUGHT_UP:
            pass
        catch_up(self.contexts)

    def check(self) -> tuple[Tables, dict[str, str]]:
        """What is kept equals what a rebuild gives; returns it."""
        self.catch_up()
        assert self.ledger.execute("SELECT * FROM touched_customers").fetchall() == []
        kept = tables_of(self.ledger), texts_of(self.rapport_url)
        self.facts.begin_rebuild()
        self.catch_up()
        assert kept[0] == tables_of(self.ledger)
        assert kept[1] == rebuilt_texts(self.ledger_url, self.rapport_url)
        return kept

    def facts_of(self, user_id: str) -> tuple[int, Decimal, Decimal] | None:
        """The approvals, the LTV and what was spent, as the facts have them."""
        row = self.ledger.execute(
            "SELECT approvals, ltv_usd, spent_usd FROM customer_facts WHERE user_id = %s", [user_id]
        ).fetchone()
        return row and (row[0], row[1], row[2])


@pytest.fixture
def new(
    database_url: str, rapport_url: str, reader: RapportReader, upstream: Connection[TupleRow]
) -> Iterator[Both]:
    """Both readers, which have not begun."""
    with closing(FactsReader(database_url, "UTC")) as facts:
        yield Both(facts, reader, upstream, database_url, rapport_url)


@pytest.fixture
def both(new: Both) -> Both:
    """Both readers, which have computed the empty ledger."""
    new.catch_up()
    return new


@pytest.mark.parametrize(
    ("change", "ltv"),
    [
        ("UPDATE interactions SET ltv_usd = 7, customer_status = 'CHURNED'", "7.00"),
        (
            "INSERT INTO interactions (id, user_id, ltv_usd) VALUES (gen_random_uuid(), 'ann', 3)",
            "8.00",
        ),
    ],
)
def test_the_ltv_is_the_one_of_now(
    both: Both, connection: BatchConnection, change: str, ltv: str
) -> None:
    """Not only after the customer's next event."""
    apply_events(connection, approval(user_id="ann"))
    both.ledger.execute("UPDATE interactions SET ltv_usd = 5, last_event_id = NULL")
    both.catch_up()
    both.ledger.execute(change.encode())
    both.catch_up()
    assert both.facts_of("ann") == (1, Decimal(ltv), Decimal(0))
    assert contexts_of(both.rapport_url)["ann"]["ltv_usd"] == ltv
    both.check()


def again(connection: Connection[TupleRow], user_id: str, key: UUID) -> None:
    """Another system inserts an interaction that it had deleted."""
    connection.execute("INSERT INTO interactions (id, user_id) VALUES (%s, %s)", [key, user_id])


@pytest.mark.parametrize("gone", ["DELETE FROM interactions WHERE id = %s", "TRUNCATE {}"])
@pytest.mark.parametrize("returns", ["by an insert", "by an event"])
def test_the_events_of_an_interaction_that_comes_back_count_again(
    both: Both, connection: BatchConnection, gone: str, returns: str
) -> None:
    """Whether another system inserts it, or a worker makes it for a new approval."""
    first, second = uuid4(), uuid4()
    apply_events(
        connection,
        approval(0, interaction_id=first, **BOUGHT),
        approval(1, interaction_id=first, **BOUGHT),
        approval(2, interaction_id=second, **BOUGHT),
        approval(3, **BOUGHT),
    )
    both.catch_up()
    for key in (first, second):
        both.ledger.execute(gone.replace("{}", "interactions").replace("%s", f"'{key}'").encode())
    both.catch_up()
    kept = 0 if gone.startswith("TRUNCATE") else 1
    assert both.facts_of("ann") == ((1, Decimal(5), Decimal(5)) if kept else None)
    for minute, (key, events) in enumerate([(first, 2), (second, 1)], start=9):
        if returns == "by an insert":
            again(both.ledger, "ann", key)
            kept += events
        else:
            apply_events(connection, approval(minute, interaction_id=key, **BOUGHT))
            kept += events + 1
        both.catch_up()
        held = both.facts_of("ann")
        assert held is not None
        assert held[0] == contexts_of(both.rapport_url)["ann"]["counts"]["approvals"] == kept
    if returns == "by an event" and gone.startswith("DELETE"):
        assert both.facts_of("ann") == (6, Decimal(30), Decimal(30))
    both.check()


def test_an_interaction_that_comes_back_is_folded_from_all_its_events(
    connection: BatchConnection, upstream: Connection[TupleRow]
) -> None:
    """So the audit finds nothing; decisions about its customer are judged again, too."""
    key = uuid4()
    events = [approval(n, interaction_id=key, **BOUGHT) for n in (0, 1)]
    left = approval(2, user_id="ann")
    decided = decision(6, user_id="ann", rests_on=events[0].event_id)
    apply_events(connection, *events, left)
    upstream.execute("DELETE FROM interactions WHERE id = %s", [key])
    apply_events(connection, decided)
    apply_events(connection, approval(9, interaction_id=key, user_id="ann", ltv_amount="1"))
    assert audit(upstream).differences == ()
    row = upstream.execute("SELECT ltv_usd FROM interactions WHERE id = %s", [key]).fetchone()
    assert row == (Decimal(11),)


def test_the_events_of_an_interaction_that_gets_an_owner_count(
    both: Both, connection: BatchConnection
) -> None:
    """They were nobody's before; also if a worker's event names the owner."""
    key = uuid4()
    both.ledger.execute("INSERT INTO interactions (id) VALUES (%s)", [key])
    bought = BOUGHT | {"user_id": None}
    apply_events(connection, approval(0, interaction_id=key, **bought), approval(1, **BOUGHT))
    both.catch_up()
    assert both.facts_of("ann") == (1, Decimal(5), Decimal(5))
    apply_events(connection, approval(2, interaction_id=key, **BOUGHT))
    both.check()
    assert both.facts_of("ann") == (3, Decimal(15), Decimal(15))


@pytest.mark.parametrize("owner", ["ann", None])
def test_an_interaction_that_another_system_inserts_again_has_all_its_events(
    both: Both, connection: BatchConnection, owner: str | None
) -> None:
    """With the worker's next event; also if that names the owner: the audit finds nothing."""
    key = uuid4()
    apply_events(connection, approval(0, interaction_id=key, **BOUGHT), approval(1, **BOUGHT))
    both.ledger.execute("DELETE FROM interactions WHERE id = %s", [key])
    both.ledger.execute("INSERT INTO interactions (id, user_id) VALUES (%s, %s)", [key, owner])
    both.catch_up()
    apply_events(connection, approval(2, interaction_id=key, **BOUGHT))
    both.check()
    assert both.facts_of("ann") == (3, Decimal(15), Decimal(15))
    assert audit(both.ledger).differences == ()


def test_once_older_events_are_in_the_facts_newer_ones_are_added_to_them(
    both: Both, connection: BatchConnection
) -> None:
    """A customer to which an event brought older ones is not computed wholly for ever."""
    key = uuid4()
    both.ledger.execute("INSERT INTO interactions (id) VALUES (%s)", [key])
    apply_events(connection, approval(0, **BOUGHT), approval(1, interaction_id=key, **NOBODYS))
    both.catch_up()
    apply_events(connection, approval(2, interaction_id=key, **BOUGHT))
    both.catch_up()
    assert both.facts_of("ann") == (3, Decimal(15), Decimal(15))
    assert both.ledger.execute("SELECT gained_events FROM customers").fetchall() == [(True,)]

    both.ledger.execute("UPDATE customer_facts SET first_cta = 'kept'")
    apply_events(connection, approval(3, **BOUGHT))
    both.catch_up()
    row = both.ledger.execute("SELECT approvals, first_cta FROM customer_facts").fetchall()
    assert row == [(4, "kept")]
    both.ledger.execute("UPDATE customer_facts SET first_cta = NULL")
    both.check()


def test_newer_events_are_still_added_to_what_is_kept(
    both: Both, connection: BatchConnection
) -> None:
    """An interaction whose row was there before its first event brings no older ones."""
    key = uuid4()
    again(both.ledger, "ann", key)
    apply_events(connection, approval(0, interaction_id=key, **BOUGHT))
    both.ledger.execute("INSERT INTO interactions (id) VALUES (%s)", [other := uuid4()])
    apply_events(connection, approval(1, interaction_id=other, **BOUGHT))
    row = both.ledger.execute("SELECT gained_events FROM customers").fetchall()
    assert row == [(False,)]


@pytest.mark.parametrize("isolation", OLD)
@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM interactions",
        "UPDATE interactions SET ltv_usd = 9, last_event_id = NULL",
        "TRUNCATE interactions",
    ],
)
def test_a_snapshot_that_is_older_than_the_reader_hides_nothing(
    new: Both, connection: BatchConnection, database_url: str, isolation: str, change: str
) -> None:
    """A transaction does not see that the reader has begun; its changes are noted all the same."""
    apply_events(connection, approval(0, **BOUGHT))
    with psycopg.connect(database_url, options="-c search_path=signoff") as other:
        other.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}".encode())
        other.execute("SELECT 1")
        new.catch_up()
        assert new.facts_of("ann") == (1, Decimal(5), Decimal(5))
        other.execute(change.encode())
        other.commit()
    new.check()


def test_what_is_on_its_way_when_a_reader_begins_is_waited_for(
    new: Both, connection: BatchConnection, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It was not noted, since it was written before; the log says so once."""
    caplog.set_level("INFO", "signoff.insight")
    apply_events(connection, approval(0, **BOUGHT))
    with psycopg.connect(database_url, options="-c search_path=signoff") as other:
        other.execute("UPDATE interactions SET ltv_usd = 9, last_event_id = NULL")
        turns = {new.facts.turn() for _ in range(3)}
        assert turns == {Turn.WAITING}
        assert caplog.messages == [
            "the facts are built when what writes now has ended: 1 transaction"
        ]
        other.commit()
    new.check()
    assert new.facts_of("ann") == (1, Decimal(9), Decimal(5))


@pytest.mark.usefixtures("connection")
def test_changes_are_noted_for_the_readers_that_keep_them(new: Both) -> None:
    """Facts do not hold reviews; and for a reader that does not run nothing is noted."""
    while new.facts.turn() is not Turn.CAUGHT_UP:
        pass
    again(new.ledger, "ann", uuid4())
    assert noted(new) == [("insight", "ann")]
    catch_up(new.contexts)
    insert_reviews(new.ledger, [PlainReview(uuid4(), "bob", approval().occurred_at)])
    again(new.ledger, "cid", uuid4())
    expected = [("insight", "ann"), ("insight", "cid"), ("rapport", "bob"), ("rapport", "cid")]
    assert noted(new) == expected
    new.ledger.execute("SELECT signoff_forget_reader('rapport')")
    again(new.ledger, "dan", uuid4())
    assert noted(new) == [("insight", "ann"), ("insight", "cid"), ("insight", "dan")]


def test_a_reader_can_be_forgotten_while_it_works(
    both: Both, connection: BatchConnection, database_url: str
) -> None:
    """The two wait for each other in one order, so neither is refused by a deadlock."""
    again(both.ledger, "ann", uuid4())
    forget = "SELECT signoff_forget_reader('insight')"
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(database_url, options="-c search_path=signoff") as reader,
    ):
        reader.execute("SELECT FROM feed_readers WHERE name = 'insight' FOR UPDATE")
        forgotten = pool.submit(connection.execute, forget)
        await_blocked(database_url)
        reader.execute("DELETE FROM touched_customers WHERE reader = 'insight'")
        reader.commit()
        forgotten.result()
    assert noted(both) == [("rapport", "ann")]


def noted(both: Both) -> list[tuple[str, str]]:
    """What is noted for the readers, in order."""
    rows = both.ledger.execute("SELECT reader, user_id FROM touched_customers")
    return sorted((str(reader), str(user_id)) for reader, user_id in rows)


Change = Callable[[Both, BatchConnection, random.Random, int, Sequence[UUID]], None]


def _events(
    _: Both, worker: BatchConnection, chance: random.Random, minute: int, keys: Sequence[UUID]
) -> None:
    """Approvals and decisions, most of them newer than all before."""
    batch: list[AnyEvent] = []
    for n in range(chance.randint(1, 4)):
        at = minute + n / 10 - chance.choice([0, 0, 0, 0, 40])
        user = f"{keys[0]}-{chance.randrange(3)}"
        status = chance.choice([*CUSTOMER_STATUSES, None])
        if status and chance.random() < 0.1:
            batch.append(decision(at, user_id=user, customer_status=status, rests_on=None))
            continue
        given = {"customer_status": status, "ltv_amount": chance.choice([None, "1.10", "2"])}
        key = chance.choice(keys)
        user_id = user if chance.random() < 0.2 else f"{keys[0]}-{keys.index(key) % 3}"
        batch.append(
            approval(
                at,
                interaction_id=key,
                user_id=chance.choice([user_id, user_id, user_id, None]),
                **given,
            )
        )
    apply_events(worker, *batch)


def _upstream(
    both: Both, _: BatchConnection, chance: random.Random, minute: int, keys: Sequence[UUID]
) -> None:
    """One change of another system."""
    one = {
        "id": chance.choice(keys),
        "other": chance.choice(keys),
        "user_id": chance.choice([*[f"{keys[0]}-{n}" for n in range(3)], None]),
        "ltv": chance.choice([0, 3]),
        "status": chance.choice(CUSTOMER_STATUSES),
        "minute": minute,
    }
    both.ledger.execute(
        chance.choice(
            [
                "DELETE FROM interactions WHERE id = %(id)s",
                "DELETE FROM interactions WHERE id = %(id)s",
                (
                    "INSERT INTO interactions (id, user_id, ltv_usd, customer_status) VALUES"
                    " (%(id)s, %(user_id)s, %(ltv)s, %(status)s) ON CONFLICT DO NOTHING"
                ),
                "UPDATE interactions SET user_id = %(user_id)s WHERE id = %(id)s",
                (
                    "UPDATE interactions SET ltv_usd = %(ltv)s, customer_status = %(status)s"
                    " WHERE id = %(id)s"
                ),
                (
                    "UPDATE interactions SET created_at = now() - %(minute)s * interval '1 minute',"
                    " opening_customer_status = %(status)s WHERE id = %(id)s"
                ),
                "UPDATE interactions SET quality_score = 1 WHERE id = %(id)s",
                (
                    "UPDATE interactions SET id = %(other)s WHERE id = %(id)s AND NOT EXISTS"
                    " (SELECT FROM interactions WHERE id = %(other)s)"
                ),
                "TRUNCATE interactions",
            ]
        ),
        one,
    )


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32),
    changes=st.lists(st.sampled_from([_events, _events, _upstream]), min_size=2, max_size=14),
    turns=st.integers(0, 3),
)
def test_what_is_kept_is_what_a_rebuild_gives(
    both: Both, connection: BatchConnection, seed: int, changes: Sequence[Change], turns: int
) -> None:
    """After any mix of events and changes of others, of which some are read in between."""
    chance = random.Random(seed)
    keys = [uuid4() for _ in range(5)]
    for minute, change in enumerate(changes):
        change(both, connection, chance, 60 * minute, keys)
        for _ in range(turns):
            both.facts.turn()
            both.contexts.turn()
    both.check()
