"""An interactions table of another system: adopted exactly, or refused before anything changes."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from approvals import apply_events, approval, balance, customer
from psycopg.types.json import Jsonb

from signoff_db.adoption import AdoptionError
from signoff_db.audit import audit
from signoff_db.connection import BatchConnection, connect, connect_for_batches
from signoff_db.migrate import MigrationError, dry_run, migrate, pending
from signoff_db.reading import interaction
from signoff_db.undo import undo

PLAIN = "CREATE TABLE interactions (id uuid PRIMARY KEY, user_id text)"
REFUSED = [
    (
        "CREATE TABLE interactions (id uuid, user_id text) PARTITION BY HASH (id)",
        "it is partitioned",
    ),
    (f"{PLAIN}; CREATE TABLE more () INHERITS (interactions)", "it inherits, or is inherited"),
    ("CREATE VIEW interactions AS SELECT gen_random_uuid() AS id", "it is a view"),
    (PLAIN.replace("CREATE", "CREATE UNLOGGED"), "a crash would empty it"),
    ("CREATE TABLE interactions (id uuid PRIMARY KEY DEFERRABLE)", "_pkey is DEFERRABLE"),
    (f"{PLAIN}; CREATE RULE r AS ON DELETE TO interactions DO INSTEAD NOTHING", "it has rules"),
    ("CREATE TABLE interactions (id uuid, created_at timestamptz(3))", "timestamp.3. with time"),
    ("CREATE TABLE interactions (id uuid, final_bubbles varchar[])", "final_bubbles is character"),
    ("CREATE TABLE interactions (id uuid, edit_tags varchar(9)[])", "edit_tags is character"),
    ("CREATE TABLE interactions (id uuid, user_id varchar(50))", "up to 200 characters"),
    ("CREATE TABLE interactions (id uuid, user_id char(200))", "user_id is character.200."),
    ("CREATE TABLE interactions (id uuid, customer_status varchar(8))", "up to 14 characters"),
    ("CREATE TABLE interactions (id uuid, ltv_usd numeric(10,1))", r"numeric.10,1., expected"),
    ("CREATE TABLE interactions (id uuid, ltv_usd numeric)", "ltv_usd is numeric, expected"),
    ("CREATE TABLE interactions (id uuid, ltv_usd money)", "ltv_usd is money, expected"),
    ("CREATE TABLE interactions (id uuid, ltv_usd numeric(6,2))", "numeric.6,2., expected"),
    ("CREATE TABLE interactions (id uuid, updated_at timestamp)", "updated_at is timestamp"),
    ("CREATE TABLE interactions (id uuid, cta_data json)", "cta_data is json, expected jsonb"),
    ("CREATE TABLE interactions (id uuid, tenant text NOT NULL)", "tenant is NOT NULL without"),
    (
        "CREATE TABLE interactions (id uuid, a text, user_id text GENERATED ALWAYS AS (a) STORED)",
        "user_id is generated",
    ),
    ("CREATE TABLE interactions (id uuid, last_event_id text)", "a name that Signoff needs"),
    ("CREATE TABLE interactions (key uuid)", "it has no column id"),
    (
        (
            "CREATE TABLE interactions (id uuid);"
            "INSERT INTO interactions SELECT '00000000-0000-0000-0000-000000000001'"
            " FROM generate_series(1, 2)"
        ),
        "id holds, in 2 rows, values such as '00000000",
    ),
    (
        (
            "CREATE TABLE interactions (id uuid, ltv_usd numeric(8,2));"
            "INSERT INTO interactions VALUES (gen_random_uuid(), 'NaN')"
        ),
        "ltv_usd holds, in 1 rows, values such as 'NaN'",
    ),
    (
        (
            "CREATE TABLE interactions (id uuid PRIMARY KEY, customer_status text);"
            "INSERT INTO interactions SELECT gen_random_uuid(), 'state ' || n"
            " FROM generate_series(1, 200) AS n"
        ),
        "100 or more different values of customer_status",
    ),
    (
        (
            f"{PLAIN}; CREATE TABLE customers (id int);"
            " CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            " CREATE TRIGGER t BEFORE INSERT ON interactions FOR EACH ROW EXECUTE FUNCTION touch()"
        ),
        r"ALTER FUNCTION touch\(\) SET search_path = public",
    ),
    (
        "CREATE SCHEMA app; CREATE TABLE app.interactions (id uuid)",
        "SIGNOFF_INTERACTIONS=app.interactions",
    ),
    ("CREATE SCHEMA signoff; CREATE TABLE signoff.orders (id int)", "signoff is to be .* orders"),
]
ALL = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    FROM pg_class c
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace::regnamespace::text NOT LIKE 'pg\\_%' AND c.relnamespace <> 13000
        AND c.relnamespace <> 'information_schema'::regnamespace
    UNION ALL SELECT tgname, NULL, NULL FROM pg_trigger
    UNION ALL SELECT proname, NULL, NULL FROM pg_proc
    WHERE pronamespace::regnamespace::text IN ('public', 'signoff')
    ORDER BY 1, 2
"""


def everything(url: str) -> list[tuple[object, ...]]:
    """All objects of the database that are not Postgres's own."""
    with psycopg.connect(url) as connection:
        return connection.execute(ALL.encode()).fetchall()


def run(url: str, statements: str) -> None:
    """Run an upstream's statement in its database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())


@pytest.mark.parametrize(("statements", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_a_table_that_cannot_be_adopted_exactly_is_refused(
    empty_database_url: str, statements: str, reason: str
) -> None:
    """The message says why; nothing was changed."""
    run(empty_database_url, statements)
    before = everything(empty_database_url)
    with pytest.raises((AdoptionError, MigrationError), match=reason):
        migrate(empty_database_url)
    assert everything(empty_database_url) == before


@pytest.mark.parametrize(
    "columns",
    [
        "id uuid",
        "user_id varchar(200), reviewer_notes varchar(1000), id uuid UNIQUE, review_status varchar",
        "id uuid PRIMARY KEY, quality_score bigint, ltv_usd numeric(14,2), customer_status text",
        "tenant int NOT NULL DEFAULT 7, number int GENERATED ALWAYS AS IDENTITY, id uuid",
        "id uuid, created_at timestamptz(6), updated_at timestamptz",
    ],
)
def test_a_table_that_holds_all_values_is_adopted(empty_database_url: str, columns: str) -> None:
    """It may have other types, keys and columns; events are applied, and the audit is exact."""
    run(empty_database_url, f"CREATE TABLE interactions ({columns})")
    run(empty_database_url, "INSERT INTO interactions (id) VALUES (gen_random_uuid())")
    migrate(empty_database_url)
    with connect_for_batches(empty_database_url, application="test") as connection:
        sale = {"customer_status": "CUSTOMER", "ltv_amount": "5", "user_id": "a" * 200}
        events = [approval(n, reviewer_notes="n" * 1000, **sale) for n in range(3)]
        assert apply_events(connection, *events) == ["applied"] * 3
        assert customer(connection, "a" * 200) == ("CUSTOMER", "15.00")
        assert audit(connection).differing == 0


def test_a_database_that_quotes_all_names_is_adopted(empty_database_url: str) -> None:
    """Types are compared by their names, which such a database would spell "uuid" or "text"[]."""
    name = empty_database_url.rpartition("/")[2]
    run(empty_database_url, "CREATE TABLE interactions (id uuid PRIMARY KEY, edit_tags text[])")
    run(empty_database_url, f"ALTER DATABASE {name} SET quote_all_identifiers = on")
    assert migrate(empty_database_url) != []
    with connect_for_batches(empty_database_url, application="test") as connection:
        assert apply_events(connection, approval()) == ["applied"]
    undo(empty_database_url)


@pytest.fixture
def upstream(empty_database_url: str) -> str:
    """A database with an upstream's tables, some of which have the names of Signoff's tables."""
    run(
        empty_database_url,
        "CREATE TABLE customers (number int); CREATE TABLE alerts (text text);"
        " CREATE TABLE approvals (by text); CREATE TABLE migrations (n int);"
        " INSERT INTO customers VALUES (1);"
        " CREATE TABLE interactions (id uuid PRIMARY KEY, user_id text, ltv_usd numeric(8,2))",
    )
    return empty_database_url


def test_tables_of_the_same_names_stay_the_upstreams(upstream: str) -> None:
    """Signoff's tables are in its own schema; each side finds its own tables by bare names."""
    migrate(upstream)
    with connect_for_batches(upstream, application="test") as connection:
        interaction = uuid4()
        assert apply_events(connection, approval(interaction_id=interaction)) == ["applied"]
        assert balance(connection, interaction) == ("PROSPECT", "0.00")
    with psycopg.connect(upstream, options="-csearch_path=public") as connection:
        assert connection.execute("SELECT * FROM customers").fetchall() == [(1,)]
        assert connection.execute("SELECT count(*) FROM interactions").fetchone() == (1,)


def test_a_table_outside_of_the_search_path_is_adopted_by_name(empty_database_url: str) -> None:
    """It stays where it is, and no second table is created."""
    run(empty_database_url, 'CREATE SCHEMA "My App"')
    run(empty_database_url, 'CREATE TABLE "My App".interactions (id uuid PRIMARY KEY)')
    migrate(empty_database_url, interactions="My App.interactions")
    with connect(empty_database_url) as connection:
        assert connection.execute("SELECT 'interactions'::regclass::text").fetchall() == [
            ("interactions",)
        ]
        found = connection.execute(
            "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'interactions'"
        )
        assert found.fetchall() == [('"My App"',)]


def test_a_table_in_the_second_schema_of_the_search_path_is_found(empty_database_url: str) -> None:
    """No empty table is created in the first schema."""
    run(empty_database_url, "CREATE SCHEMA first; CREATE SCHEMA second")
    run(empty_database_url, "CREATE TABLE second.interactions (id uuid PRIMARY KEY)")
    migrate(f"{empty_database_url}?options=-csearch_path%3Dfirst,second")
    with psycopg.connect(empty_database_url) as connection:
        made = connection.execute(
            "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'interactions'"
        )
        assert made.fetchall() == [("second",)]


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("nowhere.interactions", "is not there"),
        ("public.orders", "SCHEMA.interactions is expected"),
        ("interactions", "SCHEMA.interactions is expected"),
    ],
)
def test_a_name_of_no_table_is_refused(empty_database_url: str, named: str, reason: str) -> None:
    """The table that SIGNOFF_INTERACTIONS names must exist."""
    with pytest.raises((AdoptionError, MigrationError), match=reason):
        migrate(empty_database_url, interactions=named)
    assert pending(empty_database_url) != []


def test_signoff_can_have_its_own_interactions_beside_an_upstreams(upstream: str) -> None:
    """The upstream's table is not changed."""
    migrate(upstream, interactions="signoff.interactions")
    with psycopg.connect(upstream) as connection:
        columns = connection.execute(
            "SELECT count(*) FROM pg_attribute"
            " WHERE attrelid = 'public.interactions'::regclass AND attnum > 0"
        )
        assert columns.fetchone() == (3,)
    with pytest.raises(MigrationError, match=r"works with signoff\.interactions"):
        migrate(upstream, interactions="public.interactions")


def test_two_installations_do_not_share_a_table(upstream: str) -> None:
    """The second gets an error that names the installation with the table."""
    migrate(upstream)
    other = f"{upstream}?options=-csignoff.schema%3Dother"
    with pytest.raises(AdoptionError, match="another installation of Signoff works with it"):
        migrate(other)
    migrate(other, interactions="other.interactions")
    for url, count in ((upstream, 1), (other, 2)):
        with connect_for_batches(url, application="test") as connection:
            results = apply_events(connection, *(approval(n) for n in range(count)))
            assert results == ["applied"] * count
            assert audit(connection).totals.events == count


def test_a_dry_run_shows_what_would_change_and_changes_nothing(upstream: str) -> None:
    """It lists each table, and each column, constraint, index and trigger of the adopted table."""
    before = everything(upstream)
    planned = dry_run(upstream)
    assert everything(upstream) == before
    assert planned.names == pending(upstream) == migrate(upstream)
    for change in (
        "create table signoff.customers",
        "add column public.interactions.edit_tags",
        "create trigger interactions_count_insert on public.interactions",
        "create index public.interactions_of_user",
    ):
        assert change in planned.changes
    assert not [change for change in planned.changes if "public.customers" in change]
    assert dry_run(upstream).changes == []


def test_undoing_leaves_the_adopted_table_with_its_values(upstream: str) -> None:
    """Columns that it had before keep their present values; everything else is removed."""
    before = everything(upstream)
    migrate(upstream)
    interaction = uuid4()
    with connect_for_batches(upstream, application="test") as connection:
        apply_events(
            connection,
            approval(interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="9"),
        )
    undo(upstream)
    assert everything(upstream) == before
    with psycopg.connect(upstream) as connection:
        rows = connection.execute("SELECT id, user_id, ltv_usd::text FROM interactions").fetchall()
    assert rows == [(interaction, "user-1", "9.00")]
    assert migrate(upstream) != []
    with connect(upstream) as connection:
        assert customer(connection, "user-1") == ("PROSPECT", "9.00")


def test_undoing_drops_nothing_that_others_made(upstream: str) -> None:
    """If a view depends on Signoff's tables, it is named, and nothing is dropped."""
    migrate(upstream)
    run(upstream, "CREATE SCHEMA bi; CREATE VIEW bi.report AS SELECT * FROM signoff.customers")
    with pytest.raises(MigrationError, match=r"others build on .*bi\.report"):
        undo(upstream)
    assert pending(upstream) == []


def test_undoing_without_an_installation_is_an_error(empty_database_url: str) -> None:
    """The message says that there is none."""
    with pytest.raises(MigrationError, match="no installation"):
        undo(empty_database_url)


def test_an_encoding_that_lacks_characters_is_refused(postgres_server: str) -> None:
    """Such a database could not store an emoji."""
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        name = f"latin_{uuid4().hex}"
        admin.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1'"
            " LOCALE_PROVIDER libc LOCALE 'C'"
        )
        try:
            with pytest.raises(AdoptionError, match="encoding is LATIN1"):
                migrate(psycopg_url(postgres_server, name))
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_percent_encoded_name_of_a_database(postgres_server: str) -> None:
    """It is decoded as everywhere else."""
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        name = f"a b%{uuid4().hex}"
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            url = psycopg_url(postgres_server, name.replace("%", "%25").replace(" ", "%20"))
            assert migrate(url) != []
            assert pending(url) == []
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def psycopg_url(server: str, name: str) -> str:
    """The URL of another database of the server."""
    return f"{server.rpartition('/')[0]}/{name}"


def test_the_wait_for_a_table_in_use_is_bounded(upstream: str) -> None:
    """Other sessions would have to wait behind the migration."""
    with psycopg.connect(upstream) as busy:
        busy.execute("SELECT * FROM interactions")
        with pytest.raises(MigrationError, match="others use the tables"):
            migrate(upstream)
    assert migrate(upstream) != []


@pytest.fixture
def poor_role(upstream: str) -> Iterator[str]:
    """The upstream's database for a role that owns nothing."""
    role = f"poor_{uuid4().hex}"
    run(upstream, f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    yield upstream.replace("signoff:", f"{role}:", 1).replace(
        upstream.split(":")[2].split("@", maxsplit=1)[0], "x", 1
    )
    run(upstream, f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_missing_right_of_a_role_is_named(poor_role: str, upstream: str) -> None:
    """First that on the schema, then that on the table."""
    with pytest.raises(AdoptionError, match="GRANT CREATE ON DATABASE"):
        migrate(poor_role)
    role = poor_role.split("//")[1].split(":", maxsplit=1)[0]
    name = upstream.rpartition("/")[2]
    run(upstream, f"GRANT CREATE ON DATABASE {name} TO {role}")
    with pytest.raises(AdoptionError, match="does not own it"):
        migrate(poor_role)


def test_rows_are_written_by_their_key_too(connection: BatchConnection) -> None:
    """If a table gains children after it was adopted, no row of a child is changed by mistake."""
    first, second = uuid4(), uuid4()
    connection.execute("INSERT INTO interactions (id, user_id) VALUES (%s, 'ann')", [first])
    connection.execute("CREATE TABLE interactions_of_old () INHERITS (interactions)")
    connection.execute("INSERT INTO interactions_of_old (id, user_id) VALUES (%s, 'bob')", [second])
    apply_events(connection, approval(interaction_id=first, user_id="ann", ltv_amount="5"))
    assert balance(connection, first) == ("PROSPECT", "5.00")
    assert balance(connection, second) == ("PROSPECT", "0.00")


def test_a_row_of_an_adopted_table_is_shown_in_bounds(connection: BatchConnection) -> None:
    """Another system may write texts of any size: only beginnings leave Postgres."""
    large, plain = uuid4(), uuid4()
    statement = (
        "INSERT INTO interactions"
        " (id, user_id, reviewer_id, reviewer_notes, final_bubbles, edit_tags, cta_data)"
        " VALUES (%s, 'ann', %s, %s, %s, %s, %s)"
    )
    text, tags = "x" * 1_000_000, ["CTA_SOFT"] * 1000
    connection.execute(statement, [large, text, text, [text, *tags], tags, Jsonb({"x": text})])
    connection.execute(statement, [plain, "r" * 10_000, "", ["a", "b", ""], [], Jsonb({"x": "y"})])

    shown = interaction(connection, large)

    cut = "x" * 10_000 + "…"
    assert shown
    assert (shown.reviewer_id, shown.reviewer_notes) == (cut, cut)
    assert shown.final_bubbles == [cut, *tags[:99]]
    assert shown.edit_tags == tags[:100]
    assert shown.cta_data == "not shown: it takes 1000009 bytes"
    shown = interaction(connection, plain)
    assert shown
    assert (shown.reviewer_id, shown.reviewer_notes) == ("r" * 10_000, "")
    assert (shown.final_bubbles, shown.edit_tags) == (["a", "b", ""], [])
    assert shown.cta_data == {"x": "y"}
