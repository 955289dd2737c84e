"""Each part works with the rights that docs/questions.md grants."""

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import DEVNULL
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import redis
from approvals import apply_events, approval, decision, mapping
from command_line import Signoff
from desk import BODY, post, sql
from insight import keep_facts
from letters import bury
from operations import ANN, DRY, run_all
from processes import eventually, exit_code
from receivers import receiving

from signoff_db.connection import connect_for_batches
from signoff_db.feed_reader import FeedReader, Turn
from signoff_db.selection import Selection
from signoff_insight.views.registry import VIEWS
from signoff_ops import operations, review_desk, reviews
from signoff_ops.accounts import identity_of_key, identity_of_session
from signoff_ops.audit import audit
from signoff_ops.audits import keep_audit, latest_audits, request_audit, run_next_audit
from signoff_ops.operating import Operator
from signoff_ops.operations import OperationAction
from signoff_ops.rapport import create_rapport
from signoff_ops.review_feed import read_decisions
from signoff_ops.servers import DirectServers
from signoff_ops.sign_in import Browser, sign_out, use_link
from signoff_producer import outbox
from signoff_queue.settled import SettledNotices
from signoff_schemas import Settings

ROLES = (
    "signoff_worker",
    "signoff_operator",
    "signoff_follower",
    "signoff_reader",
    "signoff_accounts",
    "signoff_webhooks",
    "signoff_reviews",
    "signoff_insight",
    "signoff_rapport",
)
RAPPORT_ROLES = ("signoff_keeper", "signoff_contexts")
PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text("utf-8")


def block(name: str) -> str:
    """The block of code after a mark in the page."""
    found = re.search(rf"<!-- {name}: .*?-->\n```\w*\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def as_user(url: str, user: str, password: str) -> str:
    """The URL for another user."""
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{address}"))


@pytest.fixture
def granted_database(database_url: str) -> Iterator[str]:
    """A migrated database on whose server the documented roles exist, with their rights in it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for role in ROLES:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(f"DROP OWNED BY {role}")
                connection.execute(f"DROP ROLE {role}")
        connection.execute(block("grants"))
        yield database_url
        for role in ROLES:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


@pytest.fixture
def granted_redis(redis_url: str) -> Iterator[str]:
    """An empty Redis with the documented users."""
    users = [line.split()[2:] for line in block("acl").splitlines()]
    with redis.Redis.from_url(redis_url) as client:
        for name, *rules in users:
            client.execute_command("ACL", "SETUSER", name, *rules)
        yield redis_url
        client.execute_command("ACL", "DELUSER", *[name for name, *_ in users])


def test_each_part_works_with_the_rights_that_the_page_grants(
    tmp_path: Path, granted_database: str, granted_redis: str
) -> None:
    """Publish, apply, read, edit, replay, audit and report, each with its own role and user."""

    def part(user: str, redis_password: str, role: str, password: str) -> Signoff:
        return Signoff(
            tmp_path,
            {
                "SIGNOFF_REDIS_URL": as_user(granted_redis, user, redis_password),
                "SIGNOFF_DATABASE_URL": as_user(granted_database, role, password),
                "SIGNOFF_RETRY_ATTEMPTS": "0",
            },
        )

    publisher = part("signoff-publisher", "change-me-4", "signoff_reader", "change-me-3")
    worker = part("signoff-worker", "change-me-5", "signoff_worker", "change-me-1")
    operator = part("signoff-operator", "change-me-6", "signoff_operator", "change-me-2")
    reader = part("signoff-operator", "change-me-6", "signoff_reader", "change-me-3")
    good, unknown = mapping(), mapping(user_id=None)

    publisher.publish(good, unknown)
    publisher.publish(good, decision(5, rests_on=uuid4()).model_dump(mode="json"))
    worker("worker", "--burst")

    assert operator.json("status")["dead"] == {"unknown_interaction": 1}
    operator("health", expect=1)
    (letter,) = operator.json("dlq", "list")
    edit = ("dlq", "edit", letter["id"], "--set", "user_id=ann", "--reason", "forgotten", "-y")
    operator(*edit)
    assert operator.json("event", unknown["event_id"])["known"]
    assert operator.json("audit")["clean"]
    assert reader.json("audit")["clean"], "its result is not kept, which is no error"
    operator("doctor", expect=None)
    assert sum(step["customers"] for step in reader.json("funnel")) == 2
    set_status = ("customer", "set-status", "ann", "CHURNED", "--reason", "asked")
    assert operator.json(*set_status)["answer"] == "accepted"
    worker("worker", "--burst")
    shown = reader.json("customer", "ann")
    assert (shown["customer_status"], shown["transitions"][-1]["to_status"]) == ("CHURNED",) * 2


def test_the_web_service_hears_of_settled_events_with_the_rights_of_operators(
    tmp_path: Path, granted_database: str, granted_redis: str
) -> None:
    """The worker may publish there, too."""
    worker = Signoff(
        tmp_path,
        {
            "SIGNOFF_REDIS_URL": as_user(granted_redis, "signoff-worker", "change-me-5"),
            "SIGNOFF_DATABASE_URL": as_user(granted_database, "signoff_worker", "change-me-1"),
        },
    )
    event = mapping()
    worker.publish(event)
    operator = as_user(granted_redis, "signoff-operator", "change-me-6")
    with (
        redis.Redis.from_url(operator) as client,
        closing(SettledNotices(client, "approvals")) as notices,
    ):
        worker("worker", "--burst")
        told = {str(event["event_id"]).encode()}
        eventually(lambda: notices.read() == told, what="the web service is told")


def test_audits_need_no_more_than_operators_are_granted(
    granted_database: str, redis_url: str
) -> None:
    """They are asked for, run, and kept."""
    url = as_user(granted_database, "signoff_operator", "change-me-2")
    servers = DirectServers(Settings.load(database_url=url, redis_url=redis_url))
    request_audit(servers, "user:ann")
    assert run_next_audit(servers)
    done = latest_audits(servers).done
    assert done
    assert done.clean
    keep_audit(servers, "root", datetime.now(UTC), audit(servers))
    kept = latest_audits(servers).done
    assert kept
    assert kept.requested_by == "root"


def test_operations_need_no_more_than_operators_are_granted(granted_database: str) -> None:
    """They are started, run, cancelled and looked at; in the end their letters are forgotten."""
    with connect_for_batches(granted_database, application="test") as connection:
        bury(connection, *(approval(user_id=name) for name in ("ann", "ben", "cy")))
    url = as_user(granted_database, "signoff_operator", "change-me-2")
    servers = DirectServers(Settings.load(database_url=url))
    dry = operations.start_operation(servers, Selection(), DRY, OperationAction.REPLAY)
    run_all(url)
    first = operations.start_from(servers, dry.id, ANN, limit=1)
    assert operations.runner_note(servers, first)
    run_all(url)
    rest = operations.start_from(servers, dry.id, ANN)
    operations.cancel_operation(servers, rest.id, "user:ann")
    discard = Operator("user:ann", "old")
    operations.start_operation(servers, Selection(), discard, OperationAction.DISCARD)
    run_all(url)
    reports = as_user(granted_database, "signoff_reader", "change-me-3")
    seen = operations.operations_page(DirectServers(Settings.load(database_url=reports))).items
    assert [one.state for one in seen] == ["done", "cancelled", "done", "done"]
    assert len(operations.followers(servers, dry.id)) == 2
    sql(granted_database, "UPDATE operations SET ended_at = now() - interval '8 days'")
    run_all(url)
    assert not operations.letters_kept(servers, dry.id)


def test_a_reader_of_the_feed_needs_no_more_than_the_page_grants(
    signoff: Signoff, granted_database: str
) -> None:
    """It keeps its position; the role of reports follows the feed, too."""
    signoff.publish(mapping(), mapping())
    signoff.work()
    seen: list[object] = []
    url = as_user(granted_database, "signoff_follower", "change-me-7")
    reader = FeedReader("follower", lambda _, events: seen.extend(events), url)
    while reader.turn() is not Turn.CAUGHT_UP:
        pass
    reader.close()
    assert len(seen) == 2
    reports = as_user(granted_database, "signoff_reader", "change-me-3")
    lines = signoff.having(SIGNOFF_DATABASE_URL=reports)("feed", "--json").stdout
    assert len(lines.splitlines()) == 2


def test_facts_are_kept_and_read_with_the_rights_that_the_page_grants(
    signoff: Signoff, granted_database: str
) -> None:
    """The role for reports reads them."""
    signoff.publish(mapping(customer_status="CUSTOMER", ltv_amount="5"))
    signoff.work()
    keeper = signoff.having(
        SIGNOFF_DATABASE_URL=as_user(granted_database, "signoff_insight", "change-me-11")
    )
    keeper("insight", "run", "--once")
    keeper("insight", "rebuild")
    reports = as_user(granted_database, "signoff_reader", "change-me-3")
    with psycopg.connect(reports) as connection:
        found = connection.execute("SELECT purchases FROM signoff.customer_facts").fetchall()
    assert found == [(1,)]
    reader = signoff.having(SIGNOFF_DATABASE_URL=reports)
    for view in VIEWS:
        assert not reader.json("insight", view)["reach"]["rebuilt"]
    watching = signoff.having(
        SIGNOFF_DATABASE_URL=as_user(granted_database, "signoff_operator", "change-me-2"),
        SIGNOFF_ALERT_COMMAND="true",
        SIGNOFF_ALERT_CONVERSION_DROP="0.2",
    )
    assert "too few customers became prospects" in watching("alert", "--once").stdout


@pytest.fixture
def granted_rapport(empty_database_url: str) -> Iterator[str]:
    """A second database with the tables of contexts, and the documented roles."""
    create_rapport(Settings.load(rapport_url=empty_database_url))
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for role in RAPPORT_ROLES:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(f"DROP OWNED BY {role}")
                connection.execute(f"DROP ROLE {role}")
        connection.execute(block("rapport"))
        yield empty_database_url
        for role in RAPPORT_ROLES:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_contexts_need_no_more_than_their_roles_are_granted(
    signoff: Signoff, granted_database: str, granted_rapport: str
) -> None:
    """They are built, kept, compared, and built again; whoever reads them cannot change them."""
    signoff = signoff.having(SIGNOFF_DATABASE_URL=granted_database)
    keeper = signoff.having(
        SIGNOFF_DATABASE_URL=as_user(granted_database, "signoff_rapport", "change-me-12"),
        SIGNOFF_RAPPORT_URL=as_user(granted_rapport, "signoff_keeper", "change-me-13"),
    )
    keeper("rapport", "run", "--once")
    signoff.publish(mapping(user_id="ann"))
    signoff.work()
    with psycopg.connect(granted_database, autocommit=True) as upstream:
        upstream.execute(
            "INSERT INTO signoff.reviews (interaction_id, user_id)"
            " VALUES (gen_random_uuid(), 'bob')"
        )
    keeper("rapport", "run", "--once")
    keeper("rapport", "audit")
    keeper("rapport", "rebuild", "--yes")
    reads = as_user(granted_rapport, "signoff_contexts", "change-me-14")
    assert "ann" in signoff.having(SIGNOFF_RAPPORT_URL=reads)("rapport", "show", "ann").stdout
    with psycopg.connect(reads, autocommit=True) as connection:
        found = connection.execute("SELECT rapport.signoff_context('bob')").fetchone()
        assert found
        assert found[0]["counts"]["waiting_reviews"] == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM rapport.contexts")


def test_accounts_are_managed_and_used_with_the_rights_that_the_page_grants(
    signoff: Signoff, granted_database: str
) -> None:
    """Users, links, sessions and keys."""
    url = as_user(granted_database, "signoff_accounts", "change-me-8")
    accounts = signoff.having(SIGNOFF_DATABASE_URL=url)
    link = accounts.json("user", "add", "ann", "--role", "viewer", "--link")["link"]
    key = accounts.json("key", "add", "billing", "--scope", "read")["key"]
    servers = DirectServers(Settings.load(database_url=url))
    session = use_link(servers, link.partition("token=")[2], Browser())
    assert session
    assert identity_of_session(servers, session.token)
    assert identity_of_key(servers, key)
    sign_out(servers, session.token)
    accounts("user", "disable", "ann")
    accounts("key", "revoke", "billing")


def test_webhooks_need_no_more_than_the_page_grants(
    signoff: Signoff, granted_database: str
) -> None:
    """They are added, written, sent and replayed; other roles see them, without secrets."""
    url = as_user(granted_database, "signoff_webhooks", "change-me-9")
    webhooks = signoff.having(SIGNOFF_DATABASE_URL=url, SIGNOFF_WEBHOOK_ALLOW_PRIVATE="true")
    with receiving() as receiver:
        webhooks("webhook", "add", "crm", receiver.url, "--kind", "status.changed",
            "--kind", "review.approved")  # fmt: skip
        signoff.publish(mapping(customer_status="CUSTOMER"))
        signoff.work()
        with webhooks.process("webhook", "run", stderr=DEVNULL) as sender:
            eventually(lambda: bool(receiver.got), what="it is told")
            sender.terminate()
            assert exit_code(sender) == 0
    for command in ("rotate", "disable", "enable"):
        webhooks("webhook", command, "crm")
    webhooks("webhook", "replay", "--webhook", "crm", "--all", "--yes")
    for role, password in (("signoff_operator", 2), ("signoff_reader", 3)):
        seen = as_user(granted_database, role, f"change-me-{password}")
        assert len(signoff.having(SIGNOFF_DATABASE_URL=seen).json("webhook", "list")) == 1
        with (
            psycopg.connect(seen) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT secret FROM signoff.webhooks")
    webhooks("webhook", "remove", "crm", "--yes")


def test_reviews_need_no_more_than_the_page_grants(signoff: Signoff, granted_database: str) -> None:
    """Posted, adopted, held, decided, undone, supervised and followed, also as the desk does it."""
    sql(granted_database, outbox.SCHEMA)
    sql(granted_database, "GRANT SELECT, INSERT, DELETE ON signoff_outbox TO signoff_reviews")
    url = as_user(granted_database, "signoff_reviews", "change-me-10")
    signoff.having(SIGNOFF_DATABASE_URL=url)("reviews", "adopt")
    servers = DirectServers(Settings.load(database_url=url))
    first, second = post(servers), post(servers)
    for interaction in (first, second):
        reviews.claim(servers, interaction, "ann")
        reviews.keep_draft(servers, interaction, "ann", BODY)
        review_desk.context_of(servers, interaction)
        review_desk.after_approval(servers, interaction, "ann", BODY)
        reviews.reassign(servers, interaction, "bob", "user:eve")
        reviews.skip(servers, interaction, "bob")
    reviews.claim(servers, None, "bob")
    reviews.approve(servers, first, "ann", BODY)
    reviews.undo(servers, first, "ann")
    reviews.approve(servers, first, "ann", BODY)
    reviews.reject(servers, second, "ann", "too pushy")
    assert len(review_desk.recent_decisions(servers, "ann")) == 2
    assert review_desk.supervisor_view(servers).waiting.waiting == 0
    read_decisions(servers, None)


def test_transitions_need_no_more_than_operators_are_granted(
    signoff: Signoff, granted_database: str
) -> None:
    """Rules are run; proposals are listed, approved, undone, rejected; all of it is stopped."""
    sql(granted_database, outbox.SCHEMA)
    sql(granted_database, "GRANT SELECT, INSERT ON signoff_outbox TO signoff_operator")
    sql(granted_database, "GRANT SELECT ON signoff_outbox TO signoff_reader")
    long_ago = datetime.now(UTC) - timedelta(days=400)
    silent = {"occurred_at": long_ago, "customer_status": "CUSTOMER", "ltv_amount": "50"}
    with connect_for_batches(granted_database, application="test") as connection:
        apply_events(
            connection,
            *(approval(user_id=name, **silent) for name in ("ann", "ben", "cy")),
            approval(user_id="lively", occurred_at=datetime.now(UTC)),
        )
    keep_facts(granted_database)
    operator = signoff.having(
        SIGNOFF_DATABASE_URL=as_user(granted_database, "signoff_operator", "change-me-2")
    )
    reader = signoff.having(
        SIGNOFF_DATABASE_URL=as_user(granted_database, "signoff_reader", "change-me-3")
    )
    operator("transitions", "run")
    first, second, third = (
        one["number"] for one in reader.json("transitions", "list")["proposals"]
    )
    operator("transitions", "approve", first, "--yes")
    operator("transitions", "undo", first)
    operator("transitions", "reject", second, "--reason", "no")
    operator("transitions", "snooze", third, "--for", "3d")
    operator("transitions", "stop", "--reason", "enough")
    operator("transitions", "resume")
    assert len(reader.json("transitions", "list", "--show", "all")["proposals"]) == 3


@pytest.mark.parametrize("table", ["users", "sign_in_links", "sessions", "api_keys"])
@pytest.mark.parametrize(
    ("role", "password"),
    [
        ("signoff_worker", "change-me-1"),
        ("signoff_operator", "change-me-2"),
        ("signoff_reader", "change-me-3"),
        ("signoff_follower", "change-me-7"),
    ],
)
def test_no_other_role_reads_accounts(
    granted_database: str, table: str, role: str, password: str
) -> None:
    """A hash that leaks can be tried offline."""
    url = as_user(granted_database, role, password)
    with (
        psycopg.connect(url, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"SELECT FROM signoff.{table}".encode())


def test_a_reader_changes_nothing(granted_database: str) -> None:
    """The role for reports may read the public tables and views, and nothing else."""
    url = as_user(granted_database, "signoff_reader", "change-me-3")
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM signoff.customer_funnel").fetchone() == (5,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM signoff.dead_letters")
