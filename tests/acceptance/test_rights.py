"""Each part works with the rights that `signoff roles` prints, and no others."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import DEVNULL
from uuid import uuid4

import psycopg
import pytest
import redis
from approvals import apply_events, approval, decision, mapping
from command_line import Signoff
from desk import BODY, post, sql
from granted import Granted, grant, granted_users
from insight import keep_facts
from letters import bury
from operations import ANN, DRY, run_all
from processes import KEYS, eventually, exit_code
from receivers import receiving
from web import acting_as, client, key_of

from signoff_db.connection import connect_for_batches
from signoff_db.feed_reader import FeedReader, Turn
from signoff_db.rights.roles import FILES, RoleDatabase
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

API = (
    "customers/user-1", "funnel", "feed", "dead-letters", "causes", "replays", "insight/funnel",
    "queue", "workers", "outbox", "actions", "audit", "reviews", "reviews/feed",
)  # fmt: skip
PAGES = ("/", "/desk", "/insight", "/transitions", "/metrics", "/ready")


@pytest.fixture
def users(redis_url: str) -> Iterator[Granted]:
    """An empty Redis with a user for each role."""
    with granted_users(redis_url) as granted:
        yield granted


def test_each_part_works_with_its_rights(tmp_path: Path, granted: Granted, users: Granted) -> None:
    """Publish, apply, read, edit, replay, audit and report, each with its own role and user."""

    def part(role: str, user: str = "") -> Signoff:
        return Signoff(
            tmp_path,
            {
                "SIGNOFF_REDIS_URL": users.of(user or role),
                "SIGNOFF_DATABASE_URL": granted.of(role),
                "SIGNOFF_RETRY_ATTEMPTS": "0",
            },
        )

    publisher = part("publisher")
    worker = part("worker")
    operator = part("operator")
    auditor = part("auditor")
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
    assert auditor.json("audit")["clean"], "its result is not kept, which is no error"
    assert auditor.json("status")["dead"] == {}
    assert auditor.json("event", good["event_id"])["known"]
    assert sum(step["customers"] for step in auditor.json("funnel")) == 2
    set_status = ("customer", "set-status", "ann", "CHURNED", "--reason", "asked")
    assert operator.json(*set_status)["answer"] == "accepted"
    worker("worker", "--burst")
    shown = auditor.json("customer", "ann")
    assert (shown["customer_status"], shown["transitions"][-1]["to_status"]) == ("CHURNED",) * 2


def test_the_web_service_hears_of_settled_events_with_the_rights_of_operators(
    tmp_path: Path, granted: Granted, users: Granted
) -> None:
    """The worker may publish there, too."""
    worker = Signoff(
        tmp_path,
        {
            "SIGNOFF_REDIS_URL": users.of("worker"),
            "SIGNOFF_DATABASE_URL": granted.of("worker"),
        },
    )
    event = mapping()
    worker.publish(event)
    operator = users.of("operator")
    with (
        redis.Redis.from_url(operator) as client,
        closing(SettledNotices(client, "approvals")) as notices,
    ):
        worker("worker", "--burst")
        told = {str(event["event_id"]).encode()}
        eventually(lambda: notices.read() == told, what="the web service is told")


def test_audits_need_no_more_than_operators_are_granted(granted: Granted, redis_url: str) -> None:
    """They are asked for, run, and kept."""
    url = granted.of("operator")
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


def test_operations_need_no_more_than_operators_are_granted(granted: Granted) -> None:
    """They are started, run, cancelled and looked at; in the end their letters are forgotten."""
    with connect_for_batches(granted.url, application="test") as connection:
        bury(connection, *(approval(user_id=name) for name in ("ann", "ben", "cy")))
    url = granted.of("operator")
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
    reports = granted.of("reader")
    seen = operations.operations_page(DirectServers(Settings.load(database_url=reports))).items
    assert [one.state for one in seen] == ["done", "cancelled", "done", "done"]
    assert len(operations.followers(servers, dry.id)) == 2
    sql(granted.url, "UPDATE operations SET ended_at = now() - interval '8 days'")
    run_all(url)
    assert not operations.letters_kept(servers, dry.id)


def test_a_reader_of_the_feed_needs_no_more_than_they_are_granted(
    signoff: Signoff, granted: Granted
) -> None:
    """It keeps its position; the role of reports follows the feed, too."""
    signoff.publish(mapping(), mapping())
    signoff.work()
    seen: list[object] = []
    url = granted.of("follower")
    reader = FeedReader("follower", lambda _, events: seen.extend(events), url)
    while reader.turn() is not Turn.CAUGHT_UP:
        pass
    reader.close()
    assert len(seen) == 2
    reports = granted.of("reader")
    lines = signoff.having(SIGNOFF_DATABASE_URL=reports)("feed", "--json").stdout
    assert len(lines.splitlines()) == 2


def test_facts_are_kept_and_read_with_these_rights(signoff: Signoff, granted: Granted) -> None:
    """The role for reports reads them."""
    signoff.publish(mapping(customer_status="CUSTOMER", ltv_amount="5"))
    signoff.work()
    keeper = signoff.having(SIGNOFF_DATABASE_URL=granted.of("insight"))
    keeper("insight", "run", "--once")
    keeper("insight", "rebuild")
    reports = granted.of("reader")
    with psycopg.connect(reports) as connection:
        found = connection.execute("SELECT purchases FROM signoff.customer_facts").fetchall()
    assert found == [(1,)]
    reader = signoff.having(SIGNOFF_DATABASE_URL=reports)
    for view in VIEWS:
        assert not reader.json("insight", view)["reach"]["rebuilt"]
    watching = signoff.having(
        SIGNOFF_DATABASE_URL=granted.of("operator"),
        SIGNOFF_ALERT_COMMAND="true",
        SIGNOFF_ALERT_CONVERSION_DROP="0.2",
    )
    assert "too few customers became prospects" in watching("alert", "--once").stdout


@pytest.fixture
def second(empty_database_url: str, granted: Granted) -> Iterator[Granted]:
    """A second database with the tables of contexts; the roles are those of the first."""
    create_rapport(Settings.load(rapport_url=empty_database_url))
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        grant(connection, granted, RoleDatabase.RAPPORT)
        for role in ("keeper", "contexts"):
            connection.execute(f"GRANT {granted.prefix}_{role} TO {granted.login(role)}".encode())
        yield Granted(empty_database_url, granted.prefix)
        for role in FILES[RoleDatabase.RAPPORT]:
            connection.execute(f"DROP OWNED BY {granted.prefix}_{role}".encode())


def test_contexts_need_no_more_than_their_roles_are_granted(
    signoff: Signoff, granted: Granted, second: Granted
) -> None:
    """They are built, kept, compared, and built again; whoever reads them cannot change them."""
    signoff = signoff.having(SIGNOFF_DATABASE_URL=granted.url)
    keeper = signoff.having(
        SIGNOFF_DATABASE_URL=granted.of("rapport"),
        SIGNOFF_RAPPORT_URL=second.of("keeper"),
    )
    keeper("rapport", "run", "--once")
    signoff.publish(mapping(user_id="ann"))
    signoff.work()
    with psycopg.connect(granted.url, autocommit=True) as upstream:
        upstream.execute(
            "INSERT INTO signoff.reviews (interaction_id, user_id)"
            " VALUES (gen_random_uuid(), 'bob')"
        )
    keeper("rapport", "run", "--once")
    keeper("rapport", "audit")
    keeper("rapport", "rebuild", "--yes")
    reads = second.of("contexts")
    assert "ann" in signoff.having(SIGNOFF_RAPPORT_URL=reads)("rapport", "show", "ann").stdout
    with psycopg.connect(reads, autocommit=True) as connection:
        found = connection.execute("SELECT rapport.signoff_context('bob')").fetchone()
        assert found
        assert found[0]["counts"]["waiting_reviews"] == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM rapport.contexts")


def test_accounts_are_managed_and_used_with_these_rights(
    signoff: Signoff, granted: Granted
) -> None:
    """Users, links, sessions and keys."""
    url = granted.of("accounts")
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


def test_webhooks_need_no_more_than_they_are_granted(signoff: Signoff, granted: Granted) -> None:
    """They are added, written, sent and replayed; other roles see them, without secrets."""
    url = granted.of("webhooks")
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
    for role in ("operator", "reader"):
        seen = granted.of(role)
        assert len(signoff.having(SIGNOFF_DATABASE_URL=seen).json("webhook", "list")) == 1
        with (
            psycopg.connect(seen) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute("SELECT secret FROM signoff.webhooks")
    webhooks("webhook", "remove", "crm", "--yes")


def test_reviews_need_no_more_than_they_are_granted(signoff: Signoff, granted: Granted) -> None:
    """Posted, adopted, held, decided, undone, supervised and followed, also as the desk does it."""
    url = granted.of("reviews")
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
    signoff: Signoff, granted: Granted
) -> None:
    """Rules are run; proposals are listed, approved, undone, rejected; all of it is stopped."""
    long_ago = datetime.now(UTC) - timedelta(days=400)
    silent = {"occurred_at": long_ago, "customer_status": "CUSTOMER", "ltv_amount": "50"}
    with connect_for_batches(granted.url, application="test") as connection:
        apply_events(
            connection,
            *(approval(user_id=name, **silent) for name in ("ann", "ben", "cy")),
            approval(user_id="lively", occurred_at=datetime.now(UTC)),
        )
    keep_facts(granted.url)
    operator = signoff.having(SIGNOFF_DATABASE_URL=granted.of("operator"))
    reader = signoff.having(SIGNOFF_DATABASE_URL=granted.of("reader"))
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
@pytest.mark.parametrize("role", ["worker", "operator", "reader", "follower", "auditor", "relay"])
def test_no_other_role_reads_accounts(granted: Granted, table: str, role: str) -> None:
    """A hash that leaks can be tried offline."""
    url = granted.of(role)
    with (
        psycopg.connect(url, autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"SELECT FROM signoff.{table}".encode())


def test_a_reader_changes_nothing(granted: Granted) -> None:
    """The role for reports may read the public tables and views, and nothing else."""
    url = granted.of("reader")
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM signoff.customer_funnel").fetchone() == (5,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM signoff.dead_letters")


def test_upstreams_add_to_an_outbox_that_relays_empty(
    tmp_path: Path, granted: Granted, users: Granted
) -> None:
    """Adding the same event again is allowed, too; what is applied is pruned, lost is found."""
    event = approval()
    for _ in range(2):
        with psycopg.connect(granted.of("publisher")) as upstream:
            outbox.add(upstream, event)
    relay, worker, operator = (
        Signoff(
            tmp_path,
            {"SIGNOFF_REDIS_URL": users.of(role), "SIGNOFF_DATABASE_URL": granted.of(role)},
        )
        for role in ("relay", "worker", "operator")
    )
    with relay.process("relay", "--prune-after", "1s", stderr=DEVNULL) as running:
        worker_sees = redis.Redis.from_url(users.of("worker"))
        eventually(lambda: worker_sees.llen(KEYS.waiting) == 1, what="it is published")
        worker("worker", "--burst")
        running.terminate()
        assert exit_code(running) == 0
    operator("reconcile")
    relay("outbox", "prune", "--older-than", "0s")
    assert sql(granted.url, "SELECT count(*) FROM signoff_outbox") == [(0,)]


def test_the_web_service_has_the_rights_that_its_pages_need(
    tmp_path: Path, granted: Granted, users: Granted
) -> None:
    """The API under a key, the console, the desk and the charts, all with one role."""
    settings = Settings.load(database_url=granted.of("web"), redis_url=users.of("web"))
    headers = {"Authorization": f"Bearer {key_of(settings)}"}
    worker = Signoff(
        tmp_path,
        {"SIGNOFF_REDIS_URL": users.of("worker"), "SIGNOFF_DATABASE_URL": granted.of("worker")},
    )
    with client(users.of("web"), granted.of("web")) as http:
        event = approval().model_dump(mode="json", exclude_none=True)
        assert http.post("/v1/approvals", json=event, headers=headers).status_code == 202
        worker("worker", "--burst")
        got = {path: http.get(f"/v1/{path}", headers=headers).status_code for path in API}
        assert got == dict.fromkeys(API, 200)
    ann = acting_as("ann", kind="user")
    with client(users.of("web"), granted.of("web"), authenticate=ann) as http:
        got = {page: http.get(page, follow_redirects=True).status_code for page in PAGES}
    assert got == dict.fromkeys(PAGES, 200)


def test_an_actor_that_is_made_up_is_seen(signoff: Signoff, granted: Granted) -> None:
    """The role of the session stands beside it, whatever a statement says, or SET ROLE was run."""
    signoff.publish(mapping(user_id=None))
    signoff.work()
    operator = signoff.having(SIGNOFF_DATABASE_URL=granted.of("operator"))
    (letter,) = operator.json("dlq", "list")
    forged = ("--actor", "user:boss", "--reason", "asked")
    operator("dlq", "edit", letter["id"], "--set", "user_id=ann", *forged, "-y")
    with psycopg.connect(granted.of("operator")) as session:
        session.execute(f"SET ROLE {granted.prefix}_operator".encode())
        session.execute(
            "INSERT INTO signoff.operator_actions (actor, action, dead_letter_ids, database_role)"
            " VALUES ('user:boss', 'discard', ARRAY[%s::bigint], 'signoff')",
            [letter["id"]],
        )

    login = granted.login("operator")
    shown = operator.json("dlq", "show", letter["id"])["actions"]
    told = {(one["actor"], one["action"], one["database_role"]) for one in shown}
    assert told == {("user:boss", "edit", login), ("user:boss", "discard", login)}
    assert (
        f"edit by user:boss (in Postgres {login}): asked"
        in operator("dlq", "show", letter["id"]).stdout
    )
    with client(signoff.environment["SIGNOFF_REDIS_URL"], granted.url,
                authenticate=acting_as("ann", kind="user")) as http:  # fmt: skip
        noted = http.get("/v1/actions").json()["items"]
        page = http.get("/audit").text
    assert {one["database_role"] for one in noted} == {login}
    assert login in page
