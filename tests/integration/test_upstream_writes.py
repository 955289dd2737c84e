"""The costs of adoption for an upstream that goes on writing its interactions."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from approvals import apply_events, approval, customer
from blocking import await_blocked
from desk import BODY, post, servers_of
from dumps import dump, restore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_db.migrate import NEW_EPOCH, migrate
from signoff_ops import reviews

ROWS = 10_000
OF_ONE_USER = (
    "INSERT INTO interactions (id, user_id, customer_status, ltv_usd)"
    " SELECT gen_random_uuid(), 'ann', 'CUSTOMER', 1 FROM generate_series(1, %s)"
)


@pytest.fixture
def upstream_url(empty_database_url: str) -> str:
    """A database in which Signoff has adopted the upstream's interactions in `public`."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "CREATE TABLE interactions (id uuid PRIMARY KEY, user_id text, customer_status text,"
            " ltv_usd numeric(8,2), created_at timestamptz NOT NULL DEFAULT now())"
        )
    migrate(empty_database_url)
    return empty_database_url


def used(connection: "psycopg.Connection[Any]") -> float:
    """The processor time that the server has spent on a connection.

    Where its process is not seen, the time that passes; on a busy machine that tells little.
    """
    process = Path(f"/proc/{connection.info.backend_pid}/stat")
    if not process.exists():
        return time.perf_counter()
    fields = process.read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds(connection: "psycopg.Connection[Any]", statement: str, *values: object) -> float:
    """The seconds that the statement and its commit take."""
    began = used(connection)
    connection.execute(statement.encode(), values)
    return used(connection) - began


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE interactions SET customer_status = 'CHURNED', ltv_usd = ltv_usd + 1",
        "UPDATE interactions SET user_id = 'bob'",
        "DELETE FROM interactions",
    ],
)
def test_the_cost_of_a_row_does_not_grow_with_the_users_rows(
    upstream_url: str, statement: str
) -> None:
    """Ten times the rows take about ten times as long, not a hundred; the counts are exact."""
    with psycopg.connect(upstream_url, autocommit=True) as upstream:
        few, some, many = 100, ROWS // 10, ROWS
        seconds(upstream, OF_ONE_USER, few)
        seconds(upstream, statement)
        upstream.execute("DELETE FROM interactions")
        inserting, changing = [], []
        for count in (some, many):
            inserting.append(seconds(upstream, OF_ONE_USER, count))
            changing.append(seconds(upstream, statement))
            with connect(upstream_url) as connection:
                assert audit(connection).differing == 0
            upstream.execute("DELETE FROM interactions")
    for less, more in (inserting, changing):
        assert more < 30 * less + 1


def test_events_that_create_many_interactions_of_one_user(connection: BatchConnection) -> None:
    """Without a status; the batch after 9,000 interactions takes no longer than the first one."""
    taken = []
    for batch in range(10):
        events = [approval(1000 * batch + n, ltv_amount="1") for n in range(1000)]
        began = used(connection)
        assert set(apply_events(connection, *events)) == {"applied"}
        taken.append(used(connection) - began)
    assert customer(connection, "user-1") == ("PROSPECT", "10000.00")
    assert taken[-1] < 5 * min(taken) + 1
    assert audit(connection).differing == 0


def test_statements_for_the_same_customers_do_not_deadlock(upstream_url: str) -> None:
    """One inserts for A, B, the other for B, A: the second waits."""
    insert = (
        "INSERT INTO interactions (id, user_id, ltv_usd)"
        " SELECT gen_random_uuid(), u, 1 FROM unnest(%s::text[]) AS u"
    )
    users = [f"user-{n:04}" for n in range(2000)]
    failures: list[psycopg.Error] = []

    def write(order: list[str]) -> None:
        with psycopg.connect(upstream_url, autocommit=True) as upstream:
            try:
                for _ in range(10):
                    upstream.execute(insert, [order])
            except psycopg.Error as error:
                failures.append(error)

    writers = [threading.Thread(target=write, args=[order]) for order in (users, users[::-1])]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    with connect(upstream_url) as connection:
        assert customer(connection, users[0]) == ("PROSPECT", "20.00")


INSERT_ONE = (
    "INSERT INTO interactions (id, user_id, customer_status, ltv_usd, created_at)"
    " VALUES (%s, %s, 'CUSTOMER', 1, '2026-01-01Z')"
)


def test_transactions_for_the_same_customers_do_not_deadlock(upstream_url: str) -> None:
    """One inserts for A, then B, the other for B, then A, in separate statements."""
    failures: list[psycopg.Error] = []

    def finish(upstream: "psycopg.Connection[object]", user: str) -> None:
        try:
            upstream.execute(INSERT_ONE, [uuid4(), user])
            upstream.commit()
        except psycopg.Error as error:
            failures.append(error)

    with psycopg.connect(upstream_url) as first, psycopg.connect(upstream_url) as second:
        first.execute(INSERT_ONE, [uuid4(), "ann"])
        second.execute(INSERT_ONE, [uuid4(), "bob"])
        rest = [
            threading.Thread(target=finish, args=[first, "bob"]),
            threading.Thread(target=finish, args=[second, "ann"]),
        ]
        for one in rest:
            one.start()
        for one in rest:
            one.join()
    assert failures == []
    with connect(upstream_url) as connection:
        assert customer(connection, "ann") == customer(connection, "bob") == ("CUSTOMER", "2.00")
        assert connection.execute("SELECT FROM pending_moves").fetchall() == []


def test_rows_of_a_rolled_back_savepoint_are_not_counted(upstream_url: str) -> None:
    """With counting at commit, and with immediate counting."""
    with psycopg.connect(upstream_url) as upstream:
        upstream.execute(INSERT_ONE, [uuid4(), "ann"])
        with upstream.transaction(force_rollback=True):
            upstream.execute(INSERT_ONE, [uuid4(), "ann"])
        with upstream.transaction(force_rollback=True):
            upstream.execute(INSERT_ONE, [uuid4(), "ann"])
            upstream.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with upstream.transaction():
            upstream.execute(INSERT_ONE, [uuid4(), "ann"])
        upstream.commit()
    with connect(upstream_url) as connection:
        assert customer(connection, "ann") == ("CUSTOMER", "2.00")
        assert audit(connection).differing == 0


def test_an_upstream_may_set_its_constraints_immediate(upstream_url: str) -> None:
    """Then customers are counted at once: the recorded moves, and each later statement."""
    with psycopg.connect(upstream_url) as upstream, connect(upstream_url) as connection:
        upstream.execute(INSERT_ONE, [uuid4(), "ann"])
        upstream.execute(INSERT_ONE, [uuid4(), "bob"])
        counted = "SELECT sum(ltv_usd) FROM signoff.customers"
        assert upstream.execute(counted).fetchone() == (None,)
        upstream.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert upstream.execute(counted).fetchone() == (2,)
        upstream.execute(INSERT_ONE, [uuid4(), "ann"])
        assert upstream.execute(counted).fetchone() == (3,)
        upstream.commit()
        assert customer(connection, "ann") == ("CUSTOMER", "2.00")
        assert audit(connection).differing == 0


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        (["INSERT", "DELETE"], "PROSPECT"),
        (["INSERT", "SET customer_status = 'CHURNED'"], "CHURNED"),
        (["INSERT", "DELETE", "INSERT", "SET customer_status = 'CHURNED'"], "CHURNED"),
        (["INSERT", "SET created_at = '2020-01-01Z'"], "PROSPECT"),
        (["INSERT", "DELETE", "INSERT"], "CUSTOMER"),
        (["INSERT", "SET user_id = 'bob'", "SET user_id = 'ann'"], "CUSTOMER"),
        (["INSERT", "SET user_id = 'bob'"], "PROSPECT"),
    ],
)  # fmt: skip
def test_an_interaction_may_be_changed_often_in_a_transaction(
    upstream_url: str, changes: list[str], status: str
) -> None:
    """Its customer gets the final status, or that of the next interaction."""
    key = uuid4()
    with psycopg.connect(upstream_url) as upstream:
        upstream.execute(
            "INSERT INTO interactions (id, user_id, customer_status, created_at)"
            " VALUES (%s, 'ann', 'PROSPECT', '2025-01-01Z')",
            [uuid4()],
        )
        upstream.commit()
        for change in changes:
            if change == "INSERT":
                upstream.execute(INSERT_ONE, [key, "ann"])
            elif change == "DELETE":
                upstream.execute("DELETE FROM interactions WHERE id = %s", [key])
            else:
                upstream.execute(f"UPDATE interactions {change} WHERE id = %s".encode(), [key])
    with connect(upstream_url) as connection:
        found = customer(connection, "ann")
        assert found
        assert found[0] == status
        assert audit(connection).differing == 0


def test_a_trigger_of_the_upstream_may_change_inserted_rows(upstream_url: str) -> None:
    """Its statement ends before the outer one, so its moves are recorded first."""
    with psycopg.connect(upstream_url) as upstream:
        upstream.execute(
            "CREATE FUNCTION public.churn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " UPDATE public.interactions SET customer_status = 'CHURNED' WHERE id = NEW.id;"
            " RETURN NULL; END $$"
        )
        upstream.execute(
            "CREATE TRIGGER churn AFTER INSERT ON interactions"
            " FOR EACH ROW EXECUTE FUNCTION public.churn()"
        )
        upstream.execute(INSERT_ONE, [uuid4(), "ann"])
    with connect(upstream_url) as connection:
        assert customer(connection, "ann") == ("CHURNED", "1.00")
        assert audit(connection).differing == 0


@pytest.fixture
def writer_role(upstream_url: str) -> Iterator[str]:
    """A role that may write interactions, and nothing else."""
    role = f"writer_{uuid4().hex}"
    with psycopg.connect(upstream_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role}")
        admin.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON public.interactions TO {role}")
    yield role
    with psycopg.connect(upstream_url, autocommit=True) as admin:
        admin.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@pytest.mark.parametrize("search_path", ["public", "", "pg_catalog", "signoff"])
def test_a_role_that_may_write_interactions_needs_no_other_right(
    upstream_url: str, writer_role: str, search_path: str
) -> None:
    """It does not need Signoff's schema in its search_path either."""
    with psycopg.connect(upstream_url, autocommit=True) as upstream:
        upstream.execute(f"SET ROLE {writer_role}")
        upstream.execute("SELECT set_config('search_path', %s, false)", [search_path])
        upstream.execute(
            "INSERT INTO public.interactions (id, user_id, ltv_usd, created_at) VALUES"
            " (gen_random_uuid(), 'ann', 5, '2026-01-01Z'),"
            " (gen_random_uuid(), 'ann', 2, '2026-01-02Z')"
        )
        upstream.execute("UPDATE public.interactions SET customer_status = 'CHURNED'")
        upstream.execute("DELETE FROM public.interactions WHERE ltv_usd = 2")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            upstream.execute("SELECT * FROM signoff.customers")
    with connect(upstream_url) as connection:
        assert customer(connection, "ann") == ("CHURNED", "5.00")
        assert audit(connection).differing == 0


def test_nobody_else_can_call_functions_with_the_owners_rights(
    upstream_url: str, writer_role: str
) -> None:
    """Only Signoff's own triggers call these functions."""
    with psycopg.connect(upstream_url, autocommit=True) as other:
        other.execute(f"GRANT USAGE ON SCHEMA signoff TO {writer_role}")
        functions = other.execute(
            "SELECT format('signoff.%I()', proname) FROM pg_proc"
            " WHERE pronamespace = 'signoff'::regnamespace AND prosecdef"
        ).fetchall()
        other.execute(f"SET ROLE {writer_role}")
        other.execute("CREATE TEMP TABLE mine (LIKE public.interactions)")
        assert len(functions) == 14
        for (function,) in functions:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                other.execute(
                    "CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS inserted"
                    f" FOR EACH STATEMENT EXECUTE FUNCTION {function}"
                )


OF_OTHERS = """
CREATE TABLE public.called (role name);
GRANT ALL ON public.called TO PUBLIC;
CREATE FUNCTION public.equals(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.called VALUES (current_user);
    RETURN $1::text = $2::text;
END
$$;
CREATE OPERATOR public.= (FUNCTION = public.equals, LEFTARG = varchar, RIGHTARG = varchar);
CREATE TEMP TABLE customers (user_id text, ltv_usd numeric, customer_status text);
CREATE TEMP TABLE interactions (id uuid, user_id text);
"""
"""An operator that Postgres would prefer to its own, and tables that hide Signoff's."""


def test_functions_with_the_owners_rights_call_no_functions_of_others(
    empty_database_url: str,
) -> None:
    """Others may create functions in the schema of an adopted table, and temporary tables."""
    role = f"maker_{uuid4().hex}"
    with psycopg.connect(empty_database_url, autocommit=True) as upstream:
        upstream.execute(
            "CREATE TABLE interactions (id uuid PRIMARY KEY, user_id varchar(200),"
            " customer_status varchar(20), ltv_usd numeric(8,2))"
        )
        migrate(empty_database_url)
        upstream.execute(f"CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}")
        upstream.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON interactions TO {role}")
        try:
            upstream.execute(f"SET ROLE {role}")
            upstream.execute(OF_OTHERS)
            upstream.execute(
                "INSERT INTO public.interactions (id, user_id, customer_status, ltv_usd) VALUES"
                " (gen_random_uuid(), 'ann', 'CUSTOMER', 5),"
                " (gen_random_uuid(), 'bob', 'CHURNED', 2)"
            )
            upstream.execute("UPDATE public.interactions SET ltv_usd = 7 WHERE ltv_usd > 4")
            upstream.execute("UPDATE public.interactions SET user_id = 'ann'")
            upstream.execute("DELETE FROM public.interactions WHERE ltv_usd = 2")
            assert upstream.execute("SELECT * FROM public.called").fetchall() == []
            upstream.execute("RESET ROLE")
            with connect(empty_database_url) as connection:
                assert customer(connection, "ann") == ("CUSTOMER", "7.00")
        finally:
            upstream.execute(f"RESET ROLE; DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_a_dump_can_be_restored(upstream_url: str, postgres_server: str) -> None:
    """The session of the restore has an empty search_path; rows may come before triggers."""
    with connect_for_batches(upstream_url, application="test") as connection:
        apply_events(connection, approval(customer_status="CUSTOMER", ltv_amount="5"))
    desk = servers_of(upstream_url)
    reviews.approve(desk, post(desk), "ann", {**BODY, "edit_tags": ["CTA_SOFT"]})
    dumped = dump(upstream_url)
    name = f"restored_{uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        url = urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
        try:
            restore(dumped, url)
            assert migrate(url) == [NEW_EPOCH]
            with connect_for_batches(url, application="test") as restored:
                apply_events(restored, approval(ltv_amount="1"))
                assert customer(restored, "user-1") == ("CUSTOMER", "6.00")
                assert audit(restored).differing == 0
                tags = restored.execute("SELECT edit_tags FROM review_decisions").fetchall()
                assert tags == [(1,)]
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


KEYS = [UUID(int=n + 1) for n in range(5)]
ROW = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(["ann", "bob", None]),
    st.sampled_from(["PROSPECT", "CUSTOMER", "CHURNED", None]),
    st.integers(0, 3),
    st.sampled_from(["2026-01-01Z", "2026-01-02Z", "2026-01-03Z"]),
)
CHANGES = {
    "insert": "INSERT INTO interactions (id, user_id, customer_status, ltv_usd, created_at)"
    " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::timestamptz[])"
    " ON CONFLICT (id) DO NOTHING",
    "update": "UPDATE interactions i SET user_id = n.user_id, customer_status = n.status,"
    " ltv_usd = n.ltv, created_at = n.at"
    " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::timestamptz[])"
    " AS n(id, user_id, status, ltv, at) WHERE i.id = n.id AND i.last_event_id IS NULL",
    "delete": "DELETE FROM interactions WHERE id = ANY(%s::uuid[]) AND last_event_id IS NULL"
    " AND row(%s::text[], %s::text[], %s::int[], %s::timestamptz[]) IS NOT NULL",
}
STEP = st.tuples(
    st.sampled_from([*CHANGES, "event", "status event"]),
    st.lists(ROW, min_size=1, max_size=4, unique_by=lambda row: row[0]),
    st.sampled_from(["kept", "kept", "rolled back"]),
)
TRANSACTION = st.tuples(
    st.lists(STEP, min_size=1, max_size=4), st.sampled_from(["DEFERRED", "DEFERRED", "IMMEDIATE"])
)
Row = tuple[UUID, str, str, int, str]
Step = tuple[str, list[Row], str]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(transactions=st.lists(TRANSACTION, min_size=1, max_size=5))
def test_customers_are_exact_after_any_writes_and_events(
    upstream_url: str, transactions: list[tuple[list[Step], str]]
) -> None:
    """Inserts, updates, deletes and events, several in a transaction, some rolled back."""
    with connect_for_batches(upstream_url, application="test") as connection:
        connection.execute(
            "ALTER TABLE approvals DISABLE TRIGGER USER;"
            " TRUNCATE interactions, approvals, customers, dead_letters;"
            " ALTER TABLE approvals ENABLE TRIGGER USER"
        )
        minute = 0
        for steps, counting in transactions:
            with connection.transaction():
                connection.execute(f"SET CONSTRAINTS ALL {counting}".encode())
                for kind, rows, fate in steps:
                    minute += 1
                    with connection.transaction(force_rollback=fate == "rolled back"):
                        _take(connection, kind, rows, minute)
            assert audit(connection).differences == ()
        assert connection.execute("SELECT FROM pending_moves").fetchall() == []


def _take(connection: BatchConnection, kind: str, rows: list[Row], minute: int) -> None:
    """Run one step of the test above."""
    if kind in CHANGES:
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(CHANGES[kind].encode(), columns)
        return
    status = "LEAD_QUALIFIED" if kind == "status event" else None
    events = [
        approval(minute, interaction_id=key, user_id=user, customer_status=status, ltv_amount=ltv)
        for key, user, _, ltv, _ in rows
    ]
    apply_events(connection, *events)


@pytest.mark.parametrize(
    "gone", ["DELETE FROM interactions", "UPDATE interactions SET user_id = 'bob'"]
)
@pytest.mark.parametrize("together", [True, False])
def test_the_status_of_a_removed_interaction_does_not_count(
    connection: BatchConnection, gone: str, *, together: bool
) -> None:
    """Its events gave the latest status; then that of the customer's other interactions counts."""
    first, last, plain = UUID(int=1), UUID(int=2), UUID(int=3)
    connection.execute(
        "INSERT INTO interactions (id, user_id) SELECT id, 'ann' FROM unnest(%s::uuid[]) AS id",
        [[first, last]],
    )
    events = [
        approval(1, interaction_id=first, user_id=None, customer_status="LEAD_QUALIFIED"),
        approval(2, interaction_id=last, user_id=None, customer_status="CUSTOMER"),
        approval(3, interaction_id=plain, user_id="ann"),
    ]
    for batch in [events] if together else [[event] for event in events]:
        apply_events(connection, *batch)
    assert customer(connection, "ann") == ("CUSTOMER", "0.00")
    connection.execute(f"{gone} WHERE id = %s".encode(), [last])
    assert customer(connection, "ann") == ("LEAD_QUALIFIED", "0.00")
    assert customer(connection, "bob") in {None, ("CUSTOMER", "0.00")}


@pytest.mark.parametrize("owner", ["ann", None])
def test_a_deleted_interaction_may_be_put_back_as_it_was(
    connection: BatchConnection, owner: str | None
) -> None:
    """With its last event; events before and after it count, each once."""
    key = UUID(int=1)
    connection.execute("CREATE TEMPORARY TABLE saved (LIKE interactions)")
    if owner:
        connection.execute("INSERT INTO interactions (id, user_id) VALUES (%s, 'ann')", [key])
    bought = {"interaction_id": key, "user_id": "ann", "customer_status": "CUSTOMER"}
    apply_events(connection, approval(1, ltv_amount="350", **bought))
    for _ in range(2):
        connection.execute("INSERT INTO saved SELECT * FROM interactions")
        connection.execute("DELETE FROM interactions")
        assert customer(connection, "ann") == ("PROSPECT", "0.00")
        connection.execute("INSERT INTO interactions SELECT * FROM saved")
        assert customer(connection, "ann") == ("CUSTOMER", "350.00")
        connection.execute("TRUNCATE saved")
    other = {**bought, "interaction_id": UUID(int=2)}
    apply_events(
        connection, approval(2, ltv_amount="20", **bought), approval(3, ltv_amount="1", **other)
    )
    assert customer(connection, "ann") == ("CUSTOMER", "371.00")
    assert audit(connection).differences == ()


def test_an_interaction_without_created_at_is_the_oldest(
    connection: BatchConnection,
) -> None:
    """The customer's status and what the audit expects are the same."""
    connection.execute("ALTER TABLE interactions ALTER created_at DROP NOT NULL")
    connection.execute(
        "INSERT INTO interactions (id, user_id, customer_status, created_at) VALUES"
        " (gen_random_uuid(), 'ann', 'CHURNED', NULL),"
        " (gen_random_uuid(), 'ann', 'CUSTOMER', '2026-01-01Z')"
    )
    assert customer(connection, "ann") == ("CUSTOMER", "0.00")
    assert audit(connection).differences == ()


def test_an_insert_waits_for_another_one_of_the_same_customer(upstream_url: str) -> None:
    """At commit; the status is that of the interaction that was created last."""
    insert = (
        "INSERT INTO interactions (id, user_id, customer_status, created_at)"
        " VALUES (gen_random_uuid(), 'ann', %s, %s)"
    )
    with psycopg.connect(upstream_url) as first, psycopg.connect(upstream_url) as second:
        first.execute("SET CONSTRAINTS ALL IMMEDIATE")
        first.execute(insert, ["CUSTOMER", "2026-01-02Z"])

        def insert_second() -> None:
            second.execute(insert, ["CHURNED", "2026-01-01Z"])
            second.commit()

        other = threading.Thread(target=insert_second)
        other.start()
        await_blocked(upstream_url)
        first.commit()
        other.join()
    with connect(upstream_url) as connection:
        assert customer(connection, "ann") == ("CUSTOMER", "0.00")


def test_truncating_interactions_empties_their_customers(upstream_url: str) -> None:
    """Rows that are inserted afterwards count from zero."""
    with psycopg.connect(upstream_url, autocommit=True) as upstream:
        upstream.execute(OF_ONE_USER, [2])
        with upstream.transaction():
            upstream.execute(OF_ONE_USER, [3])
            upstream.execute("TRUNCATE interactions")
        with connect(upstream_url) as connection:
            assert customer(connection, "ann") == ("PROSPECT", "0.00")
            upstream.execute(OF_ONE_USER, [1])
            assert customer(connection, "ann") == ("CUSTOMER", "1.00")
            assert audit(connection).differing == 0
