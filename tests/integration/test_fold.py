"""The effect of events on an interaction and its customer, in Postgres."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest
from approvals import apply_events, approval, balance, customer, delivery
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parallel import apply_in_lanes, forget_events, in_parallel
from processes import DEADLINE, eventually
from reference import fold, read

from signoff_db.apply import Outcome, apply_in_transaction
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_schemas import CUSTOMER_STATUSES, ApprovalEvent

Step = tuple[str | None, str | None]


@pytest.mark.parametrize(
    ("steps", "ends_with"),
    [
        ([("PROSPECT", None)], ("PROSPECT", "0.00")),
        ([("CUSTOMER", "100"), ("CUSTOMER", "50")], ("CUSTOMER", "150.00")),
        ([("LEAD_QUALIFIED", "30"), ("LEAD_QUALIFIED", "20")], ("LEAD_QUALIFIED", "20.00")),
        ([("CUSTOMER", "100"), ("CHURNED", "40")], ("CHURNED", "40.00")),
        ([("CUSTOMER", "100"), (None, "25")], ("CUSTOMER", "125.00")),
        ([(None, "25")], ("PROSPECT", "25.00")),
        ([("CUSTOMER", "100"), ("CHURNED", "0")], ("CHURNED", "0.00")),
        ([("CUSTOMER", "100"), ("CHURNED", None)], ("CHURNED", "100.00")),
    ],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "one by one"])
@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "newest first"])
def test_an_interaction_ends_as_the_contract_says(
    connection: BatchConnection,
    steps: Sequence[Step],
    ends_with: tuple[str, str],
    at_once: bool,
    backwards: bool,
) -> None:
    """Each row of the contract's table holds, in any order of arrival."""
    interaction = uuid4()
    events = [
        approval(minute, interaction_id=interaction, customer_status=status, ltv_amount=amount)
        for minute, (status, amount) in enumerate(steps)
    ]
    events = events[::-1] if backwards else events
    for batch in [events] if at_once else [[event] for event in events]:
        apply_events(connection, *batch)
    assert balance(connection, interaction) == ends_with
    assert customer(connection, "user-1") == ends_with


def test_the_fold_starts_from_the_opening_balance(connection: BatchConnection) -> None:
    """The fold begins with the values that an interaction had before its first event."""
    interaction = uuid4()
    connection.execute(
        "INSERT INTO interactions (id, user_id, customer_status, ltv_usd)"
        " VALUES (%s, 'user-1', 'CUSTOMER', 70)",
        [interaction],
    )
    apply_events(
        connection,
        approval(5, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="30"),
    )
    assert balance(connection, interaction) == ("CUSTOMER", "100.00")
    apply_events(connection, approval(1, interaction_id=interaction, ltv_amount="1"))
    assert balance(connection, interaction) == ("CUSTOMER", "101.00")
    assert customer(connection, "user-1") == ("CUSTOMER", "101.00")


def test_a_late_event_counts_at_its_position(connection: BatchConnection) -> None:
    """An event that arrives after a newer one is `late`, and counts at its time of occurrence."""
    interaction = uuid4()
    newer = approval(60, interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="100")
    older = approval(
        0, interaction_id=interaction, customer_status="LEAD_QUALIFIED", ltv_amount="5"
    )
    assert apply_events(connection, newer) == ["applied"]
    assert apply_events(connection, older) == ["late"]
    assert balance(connection, interaction) == ("CUSTOMER", "105.00")


def test_an_older_event_is_not_late_if_no_newer_one_gave_a_status(
    connection: BatchConnection,
) -> None:
    """`late` means that a newer event gave the present status."""
    interaction = uuid4()
    apply_events(connection, approval(60, interaction_id=interaction))
    assert apply_events(
        connection, approval(0, interaction_id=interaction, customer_status="CHURNED")
    ) == ["applied"]
    assert balance(connection, interaction) == ("CHURNED", "0.00")


def test_values_that_an_event_does_not_give_are_kept(connection: BatchConnection) -> None:
    """Reviewer, notes and call to action are the last given; other values are the last event's."""
    interaction = uuid4()
    apply_events(
        connection,
        approval(
            0,
            interaction_id=interaction,
            reviewer_id="ann",
            reviewer_notes="good",
            cta_data={"a": 1},
            edit_tags=["CTA_SOFT"],
        ),
        approval(1, interaction_id=interaction, reviewer_id="bob", final_bubbles=["bye", "now"]),
    )
    row = connection.execute(
        "SELECT reviewer_id, reviewer_notes, cta_data, edit_tags, final_bubbles, review_status"
        " FROM interactions"
    ).fetchone()
    assert row == ("bob", "good", {"a": 1}, [], ["bye", "now"], "approved")


def test_a_customer_is_the_sum_of_the_interactions(connection: BatchConnection) -> None:
    """The LTV is the sum over interactions; the status is that of the customer's latest event."""
    apply_events(
        connection,
        approval(2, customer_status="CHURNED", ltv_amount="7"),
        approval(1, customer_status="CUSTOMER", ltv_amount="5"),
    )
    assert customer(connection, "user-1") == ("CHURNED", "12.00")
    apply_events(connection, approval(1.5, customer_status="LEAD_QUALIFIED", ltv_amount="1"))
    assert customer(connection, "user-1") == ("CHURNED", "13.00")


def test_a_new_interaction_without_a_status_makes_a_customer_without_events_a_prospect(
    connection: BatchConnection,
) -> None:
    """If no event gave a status, that of the most recently created interaction counts."""
    connection.execute(
        "INSERT INTO interactions (id, user_id, customer_status, ltv_usd)"
        " VALUES (%s, 'user-1', 'CUSTOMER', 70)",
        [uuid4()],
    )
    assert customer(connection, "user-1") == ("CUSTOMER", "70.00")
    apply_events(connection, approval(0, ltv_amount="5"))
    assert customer(connection, "user-1") == ("PROSPECT", "75.00")
    assert audit(connection).differing == 0


def test_an_interaction_without_owner_gets_the_first_that_an_event_names(
    connection: BatchConnection,
) -> None:
    """An adopted row without user gets the user of an event, and then counts for that customer."""
    interaction = uuid4()
    connection.execute(
        "INSERT INTO interactions (id, customer_status, ltv_usd) VALUES (%s, 'CUSTOMER', 70)",
        [interaction],
    )
    assert apply_events(
        connection, approval(0, interaction_id=interaction, user_id=None, ltv_amount="1")
    ) == ["applied"]
    assert customer(connection, "user-1") is None
    assert apply_events(connection, approval(1, interaction_id=interaction, ltv_amount="2")) == [
        "applied"
    ]
    assert customer(connection, "user-1") == ("CUSTOMER", "73.00")
    assert audit(connection).differing == 0


USERS = ["ann", "bob"]
INTERACTIONS = [UUID(int=n) for n in range(1, 5)]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[ApprovalEvent], list[list[ApprovalEvent]]]:
    """Distinct events, and their arrival: repeated, in any order, in batches of any size."""
    events = [
        approval(
            draw(st.integers(0, 4)),
            event_id=UUID(int=1000 + number),
            interaction_id=(interaction := draw(st.sampled_from(INTERACTIONS))),
            user_id=USERS[interaction.int % 2],
            customer_status=draw(st.sampled_from([None, *CUSTOMER_STATUSES])),
            ltv_amount=draw(st.none() | st.decimals(0, 100, places=2)),
            reviewer_id=draw(st.sampled_from([None, "r1", "r2"])),
            reviewer_notes=draw(st.sampled_from([None, "n1", "n2"])),
            cta_data=draw(st.sampled_from([None, {}, {"k": [1, "x"]}])),
            final_bubbles=[f"text {number}"],
            quality_score=draw(st.integers(1, 5)),
            edit_tags=draw(st.sampled_from([[], ["CTA_SOFT"], ["TONE_CASUAL", "TEXT_SPEAK"]])),
        )
        for number in range(draw(st.integers(1, 14)))
    ]
    arrival = draw(st.permutations(events + draw(st.lists(st.sampled_from(events), max_size=8))))
    batches: list[list[ApprovalEvent]] = []
    while arrival:
        size = draw(st.integers(1, len(arrival)))
        batches.append(list(arrival[:size]))
        arrival = arrival[size:]
    return events, batches


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(stream=streams(), workers=st.integers(1, 3))
def test_the_tables_equal_the_fold_for_any_arrival(
    connection: BatchConnection,
    lanes: list[BatchConnection],
    stream: tuple[list[ApprovalEvent], list[list[ApprovalEvent]]],
    workers: int,
) -> None:
    """Any duplication, order, split into batches and number of workers ends in the same state."""
    events, batches = stream
    forget_events(connection)
    results = apply_in_lanes(lanes, [batches[n::workers] for n in range(workers)])
    assert read(connection) == fold(events)
    assert audit(connection).differing == 0
    assert results.count("duplicate") == sum(map(len, batches)) - len(events)
    assert set(results) <= {"applied", "late", "duplicate"}


def test_workers_may_change_the_same_interaction_and_customer(database_url: str) -> None:
    """Many workers on the same rows, in different orders, lose nothing and do not deadlock."""
    hot, rows = uuid4(), [uuid4() for _ in range(20)]
    events = [
        approval(
            n,
            interaction_id=hot if n % 2 else rows[n % 20],
            customer_status="CUSTOMER",
            ltv_amount="0.25",
        )
        for n in range(400)
    ]
    lanes = [
        [events[start : start + 25] for start in range(0, 400, 25)],
        [events[start : start + 40][::-1] for start in range(360, -1, -40)],
        [events[n::8] for n in range(8)],
        [events[start : start + 100] for start in (300, 100, 200, 0)],
    ]
    results = in_parallel(database_url, lanes)
    with connect(database_url) as connection:
        assert read(connection) == fold(events)
        assert audit(connection).differing == 0
        assert connection.execute("SELECT ltv_usd FROM customers").fetchall() == [
            (Decimal("100.00"),)
        ]
    assert len(results) - results.count("duplicate") == 400


HOLD_UP = """
    CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
    CREATE TRIGGER hold_up BEFORE UPDATE ON interactions FOR EACH ROW
        WHEN (current_setting('application_name') = 'first') EXECUTE FUNCTION hold_up();
    SELECT pg_advisory_lock(1)"""
"""While this session keeps its lock, the first batch waits and holds the row that it updates."""


def test_batches_that_create_and_update_the_same_rows_do_not_deadlock(
    connection: BatchConnection, database_url: str
) -> None:
    """If one batch creates a row that another batch has created and updates, one of them waits.

    The first batch is stopped in the middle. Then a second batch creates the row that the first did
    not find, and a third updates it and needs the row that the first has locked.
    """
    new, known = UUID(int=1), UUID(int=2)
    apply_events(connection, approval(interaction_id=known))

    def settle(name: str, *interactions: UUID) -> list[Outcome]:
        events = [delivery(approval(interaction_id=one)) for one in interactions]
        with connect_for_batches(database_url, application=name) as own, own.transaction():
            return apply_in_transaction(own, events, locking=False)

    def stands(name: str, settling: Future[list[Outcome]]) -> bool:
        query = "SELECT pg_blocking_pids(pid) FROM pg_stat_activity WHERE application_name = %s"
        return settling.done() or any(pids for (pids,) in connection.execute(query, [name]))

    batches = {"first": [new, known], "second": [new], "third": [new, known]}
    with ThreadPoolExecutor() as threads, connect(database_url) as holding:
        holding.execute(HOLD_UP)
        settled = []
        for name, interactions in batches.items():
            one = threads.submit(settle, name, *interactions)
            eventually(partial(stands, name, one), what=f"the {name} waits or is done")
            settled.append(one)
        holding.execute("SELECT pg_advisory_unlock(1)")
        # A deadlock is raised here: nothing repeats a transaction that is the test's own.
        results = [[outcome.result for outcome in one.result(DEADLINE)] for one in settled]
    assert results[0] == ["applied", "applied"]
