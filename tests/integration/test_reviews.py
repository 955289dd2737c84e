"""The review desk's queue: post, hold, decide, undo."""

from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from approvals import apply_events, approval
from desk import BODY, apply_outbox, draft, end_leases, in_outbox, post, servers_of, sql
from desk import at_once as all_at_once

from signoff_db.connection import BatchConnection
from signoff_ops import review_desk, reviews
from signoff_ops.reviews import (
    OutboxMissingError,
    Posting,
    ReviewChangedError,
    ReviewConflictError,
    ReviewDecidedError,
    ReviewHeldError,
    ReviewState,
    TooManyHeldError,
    UndoTooLateError,
    UnknownReviewError,
)
from signoff_ops.servers import DirectServers
from signoff_schemas import ApprovalEvent, InvalidEvent, InvalidReview, Settings, content_hash


@pytest.fixture
def servers(database_url: str) -> DirectServers:
    """The servers of a desk; decisions can be undone for a minute."""
    return servers_of(database_url, undo_seconds=60)


@pytest.fixture
def at_once(database_url: str) -> DirectServers:
    """The same where decisions are final at once."""
    return servers_of(database_url, undo_seconds=0)


@pytest.mark.parametrize("priority", [0.3, 1e-300, 0.123456789])
def test_posting_is_idempotent_by_the_interaction(servers: DirectServers, priority: float) -> None:
    """The same draft again is unchanged, also when it was approved meanwhile."""
    given = draft(context={"channel": "sms"}, priority=priority)

    first = reviews.post_review(servers, given, "key:bot")
    again = reviews.post_review(servers, given, "key:bot")
    reviews.approve(servers, given.interaction_id, "ann", BODY)
    later = reviews.post_review(servers, given, "key:bot")

    assert [first.posting, again.posting, later.posting] == [
        Posting.CREATED,
        Posting.UNCHANGED,
        Posting.UNCHANGED,
    ]
    assert first.review == again.review
    assert later.review.state is ReviewState.APPROVED


def test_a_waiting_draft_may_be_corrected_until_somebody_opens_it(servers: DirectServers) -> None:
    """It keeps its place in the queue, and its revision grows; an open draft does not change."""
    given = draft()
    reviews.post_review(servers, given, "key:bot")
    before = reviews.review_page(servers).items[0]
    better = draft(interaction_id=given.interaction_id, draft_bubbles=["better"])

    replaced = reviews.post_review(servers, better, "key:bot")
    assert (replaced.posting, replaced.review.draft_bubbles) == (Posting.REPLACED, ["better"])
    after = reviews.review_page(servers).items[0]
    assert (after.rank, after.revision) == (before.rank, before.revision + 1)

    reviews.claim(servers, given.interaction_id, "ann")
    with pytest.raises(ReviewConflictError, match="open with ann"):
        reviews.post_review(servers, given, "key:bot")


@pytest.mark.parametrize("other", [{"user_id": "user-2"}, {"draft_bubbles": ["other"]}])
def test_another_upstream_cannot_replace_a_draft(
    servers: DirectServers, other: dict[str, Any]
) -> None:
    """Neither the text nor the customer; the conflict says why."""
    given = draft()
    reviews.post_review(servers, given, "key:bot")

    changed = draft(interaction_id=given.interaction_id, **other)
    with pytest.raises(ReviewConflictError, match=r"another user_id|key:bot posted"):
        reviews.post_review(servers, changed, "key:other")


def test_a_plain_insert_makes_a_review(servers: DirectServers, database_url: str) -> None:
    """An upstream in any language inserts three columns; the rest has defaults."""
    interaction = uuid4()
    sql(
        database_url,
        "INSERT INTO signoff.reviews (interaction_id, user_id, draft_bubbles) VALUES (%s, %s, %s)",
        interaction,
        "user-1",
        ["hello"],
    )

    held = reviews.claim(servers, None, "ann")
    assert held is not None
    assert (held.review.interaction_id, held.review.state) == (interaction, ReviewState.PENDING)
    assert reviews.approve(servers, interaction, "ann", BODY).state is ReviewState.APPROVED


@pytest.mark.parametrize(
    "column",
    [
        "user_id = ''",
        "customer_message = repeat('x', 10001)",
        "draft_bubbles = '{}'",
        "draft_bubbles = ARRAY[NULL]::text[]",
        "draft_bubbles = array_fill('x'::text, ARRAY[21])",
        "draft_bubbles = ARRAY[repeat('x', 4001)]",
        "context = '[]'",
        "context = jsonb_build_object('a', repeat('x', 40000))",
        "priority = 1.1",
        "priority = 'NaN'",
        "received_at = 'infinity'",
        "expires_at = '-infinity'",
        "state = 'unheard of'",
        "state = 'approved'",
        "state = 'rejected', decided_by = 'ann', decided_at = now()",
        "decided_at = now()",
        "claimed_by = 'ann'",
        "event_id = gen_random_uuid()",
        "reject_reason = 'bad'",
    ],
)
def test_the_table_refuses_what_no_review_can_hold(
    servers: DirectServers, database_url: str, column: str
) -> None:
    """Limits and states are checks of the table, for whoever writes it."""
    interaction = post(servers)
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.DataError)):
        sql(
            database_url,
            f"UPDATE signoff.reviews SET {column} WHERE interaction_id = %s",
            interaction,
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", ""),
        ("customer_message", "x" * 10_001),
        ("customer_message", "a\0b"),
        ("draft_bubbles", []),
        ("draft_bubbles", [" "]),
        ("draft_bubbles", ["x"] * 21),
        ("draft_bubbles", ["x" * 4001]),
        ("context", {"a": "x" * 17_000}),
        ("context", [1]),
        ("priority", 1.5),
        ("priority", float("nan")),
        ("expires_at", "tomorrow"),
        ("expires_at", "9999-12-31T23:59:59-23:00"),
        ("state", "approved"),
    ],
)
def test_a_posted_draft_is_refused_by_field(field: str, value: object) -> None:
    """The field is named, with what is allowed."""
    with pytest.raises(InvalidReview) as refused:
        draft(**{field: value})
    assert {problem.path.partition("[")[0] for problem in refused.value.problems} == {field}


def test_the_queue_is_ordered_by_priority_and_waiting_time(servers: DirectServers) -> None:
    """Of those that came in together, the most important is first; pages follow this order."""
    ids = {priority: post(servers, priority=priority) for priority in (0.0, 1.0, 0.5)}

    first = reviews.review_page(servers, limit=2)
    second = reviews.review_page(servers, cursor=first.next)

    found = [one.interaction_id for one in (*first.items, *second.items)]
    assert found == [ids[1.0], ids[0.5], ids[0.0]]
    assert second.next is None


def test_no_review_starves(servers: DirectServers, database_url: str) -> None:
    """In a day with important work without end, unimportant reviews are decided all the same.

    Each minute two important reviews come in and two are decided, so the unimportant ones, one in
    ten minutes, are more than can be done. Each has its turn soon after four hours nevertheless.
    """
    del servers
    sql(
        database_url,
        """
        INSERT INTO signoff.reviews (interaction_id, user_id, draft_bubbles, priority, received_at)
        SELECT gen_random_uuid(), 'user-1', ARRAY['hello'], priority,
            '2026-01-31 00:00+00'::timestamptz + minute * interval '1 minute'
        FROM generate_series(0, 1439) AS minute,
            LATERAL (SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 0 WHERE minute % 10 = 0)
                AS each (priority)
        """,
    )
    arriving = sql(
        database_url,
        "SELECT received_at, rank, interaction_id, priority FROM signoff.reviews ORDER BY 1",
    )
    waits: list[timedelta] = []
    queue: list[Any] = []
    for minute in range(1440):
        now = arriving[0][0] + timedelta(minutes=minute)
        for received_at, rank, interaction, priority in arriving:
            if received_at == now:
                heappush(queue, (rank, interaction, received_at, priority))
        for _ in range(2):
            _, _, received_at, priority = heappop(queue)
            if priority == 0:
                waits.append(now - received_at)
    assert timedelta(hours=3, minutes=30) < max(waits) < timedelta(hours=6)
    assert len(waits) > 100


def test_one_reviewer_has_it_and_the_other_sees_who(servers: DirectServers) -> None:
    """The holder is named, with until when; the list shows it too."""
    interaction = post(servers)
    held = reviews.claim(servers, interaction, "ann")

    with pytest.raises(ReviewHeldError) as refused:
        reviews.claim(servers, interaction, "bob")

    assert held is not None
    assert (refused.value.holder, refused.value.until) == ("ann", held.review.claimed_until)
    assert reviews.claim(servers, None, "bob") is None
    assert reviews.review_page(servers).items[0].claimed_by == "ann"
    for attempt in (
        lambda: reviews.approve(servers, interaction, "bob", BODY),
        lambda: reviews.reject(servers, interaction, "bob", "no"),
        lambda: reviews.renew(servers, interaction, "bob"),
    ):
        with pytest.raises(ReviewHeldError, match="ann"):
            attempt()


def test_reviewers_who_ask_at_once_get_different_reviews(servers: DirectServers) -> None:
    """Eight reviewers ask for the next of twenty reviews, twice each: sixteen reviews are held."""
    for _ in range(20):
        post(servers)

    def ask(number: int) -> list[object]:
        held = [reviews.claim(servers, None, f"reviewer-{number}") for _ in range(2)]
        return [one and one.review.interaction_id for one in held]

    found = [one for pair in all_at_once(ask, 8) for one in pair]
    assert len(set(found)) == 16
    assert None not in found


def test_nobody_can_take_the_whole_queue(servers: DirectServers) -> None:
    """Who holds fifty gets no other one, by any way; the held ones can be opened again."""
    waiting = [post(servers) for _ in range(reviews.MOST_HELD + 1)]
    for one in waiting[:-1]:
        reviews.claim(servers, one, "ann")

    for wanted in (None, waiting[-1]):
        with pytest.raises(TooManyHeldError, match="ann holds 50 reviews already"):
            reviews.claim(servers, wanted, "ann")
    assert reviews.claim(servers, waiting[0], "ann")
    assert reviews.claim(servers, None, "bob")
    reviews.release(servers, waiting[0], "ann")
    assert reviews.claim(servers, None, "ann")


def test_an_abandoned_review_comes_back_by_itself(
    servers: DirectServers, database_url: str
) -> None:
    """When the lease has ended another reviewer has it; the first one is told who."""
    interaction = post(servers)
    reviews.claim(servers, interaction, "ann")
    end_leases(database_url)

    assert reviews.review_page(servers).items[0].claimed_by is None
    taken = reviews.claim(servers, None, "bob")
    assert taken is not None
    assert taken.review.claimed_by == "bob"
    with pytest.raises(ReviewHeldError, match="bob"):
        reviews.renew(servers, interaction, "ann")


def test_a_reviewer_whose_lease_ended_goes_on_where_nobody_took_it(
    servers: DirectServers, database_url: str
) -> None:
    """A laptop that slept for a while renews, or approves at once."""
    first, second = post(servers), post(servers)
    for interaction in (first, second):
        reviews.claim(servers, interaction, "ann")
    end_leases(database_url)

    assert reviews.renew(servers, first, "ann") > datetime.now(UTC) + timedelta(seconds=60)
    assert reviews.approve(servers, second, "ann", BODY).decided_by == "ann"


def test_a_released_review_is_free_and_a_skipped_one_goes_to_others(
    servers: DirectServers,
) -> None:
    """Skipping does not offer it again to this reviewer for a while; they may open it by itself."""
    interaction = post(servers)
    reviews.claim(servers, interaction, "ann")
    assert reviews.release(servers, interaction, "ann")
    assert not reviews.release(servers, interaction, "ann")
    assert reviews.claim(servers, None, "ann") is not None

    reviews.skip(servers, interaction, "ann")

    assert reviews.claim(servers, None, "ann") is None
    assert reviews.review_page(servers, "ann").items[0].skipped_until is not None
    assert reviews.claim(servers, None, "bob") is not None
    reviews.release(servers, interaction, "bob")
    assert reviews.claim(servers, interaction, "ann") is not None


def test_what_was_typed_is_kept_for_each_reviewer(
    servers: DirectServers, database_url: str
) -> None:
    """A crash of the browser, or another reviewer's claim, loses nothing."""
    interaction = post(servers)
    reviews.claim(servers, interaction, "ann")
    reviews.keep_draft(servers, interaction, "ann", {"final_bubbles": ["half a sen"]})
    end_leases(database_url)
    reviews.claim(servers, interaction, "bob")
    reviews.keep_draft(servers, interaction, "bob", {"final_bubbles": ["\0 \ud800 <script>"]})
    end_leases(database_url)

    held = reviews.claim(servers, interaction, "ann")
    assert held is not None
    assert held.draft == {"final_bubbles": ["half a sen"]}
    with pytest.raises(InvalidReview, match="128 KiB"):
        reviews.keep_draft(servers, interaction, "ann", {"a": "x" * 200_000})
    with pytest.raises(UnknownReviewError):
        reviews.keep_draft(servers, uuid4(), "ann", {})


def test_what_was_typed_is_forgotten_long_after_the_decision(
    servers: DirectServers, database_url: str
) -> None:
    """That of a review that waits is kept, however old it is."""
    decided, waiting = post(servers), post(servers)
    for interaction in (decided, waiting):
        reviews.keep_draft(servers, interaction, "ann", BODY)
    reviews.approve(servers, decided, "ann", BODY)
    sql(database_url, "UPDATE signoff.review_drafts SET saved_at = now() - interval '31 days'")

    reviews.claim(servers, None, "bob")

    assert reviews.draft_of(servers, decided, "ann") is None
    assert reviews.draft_of(servers, waiting, "ann") == BODY


def test_an_approval_stands_in_the_outbox_due_when_it_cannot_be_undone(
    servers: DirectServers, database_url: str
) -> None:
    """One transaction: the review is decided, its event is there, validated, as `add` writes it."""
    interaction = post(servers)
    body = {
        **BODY,
        "edit_tags": ["TONE_CASUAL"],
        "reviewer_notes": "nice",
        "cta_data": {"kind": "call"},
        "customer_status": "CUSTOMER",
        "ltv_amount": "50.00",
    }

    decided = reviews.approve(servers, interaction, "ann", body)

    (outboxed,) = in_outbox(database_url)
    event = ApprovalEvent.parse(outboxed["event"])
    assert outboxed["event_id"] == decided.event_id == event.event_id
    assert outboxed["due_at"] == decided.undo_until == decided.decided_at + timedelta(seconds=60)
    assert event.occurred_at == decided.decided_at
    assert (event.interaction_id, event.user_id, event.reviewer_id) == (
        interaction,
        "user-1",
        "ann",
    )
    assert decided.event == event.canonical_json().decode()
    noted = sql(database_url, "SELECT validated_hash FROM public.signoff_outbox")
    assert noted == [(content_hash(event.canonical_json()),)]


def test_a_double_click_and_two_tabs_make_one_approval(
    servers: DirectServers, database_url: str
) -> None:
    """Six requests with the same body at once: all get the same answer, one event is there."""
    interaction = post(servers)
    reviews.claim(servers, interaction, "ann")

    answers = all_at_once(lambda _: reviews.approve(servers, interaction, "ann", BODY), 6)

    assert len(set(map(repr, answers))) == 1
    assert len(in_outbox(database_url)) == 1
    assert (
        reviews.approve(
            servers,
            interaction,
            "ann",
            b' {"quality_score":4,"final_bubbles":["Hello Ann!"], "edit_tags": null}',
        )
        == answers[0]
    )


def test_another_decision_is_a_conflict_that_says_what_was_decided(
    servers: DirectServers,
) -> None:
    """Other content, another reviewer, a rejection, an invalid body: who and when is named."""
    interaction = post(servers)
    reviews.approve(servers, interaction, "ann", BODY)

    for attempt in (
        lambda: reviews.approve(servers, interaction, "ann", {**BODY, "quality_score": 5}),
        lambda: reviews.approve(servers, interaction, "ann", {"quality_score": 9}),
        lambda: reviews.approve(servers, interaction, "bob", BODY),
        lambda: reviews.reject(servers, interaction, "ann", "no"),
        lambda: reviews.claim(servers, interaction, "bob"),
    ):
        with pytest.raises(ReviewDecidedError, match="approved by ann"):
            attempt()


@pytest.mark.parametrize(
    "body",
    [
        {"final_bubbles": [], "quality_score": 9, "event_id": str(uuid4()), "customer_status": "X"},
        b'{"final_bubbles":[],"quality_score":9,"event_id":"x","customer_status":"X"}',
    ],
)
def test_all_refused_fields_are_named_at_once(
    servers: DirectServers, database_url: str, body: dict[str, Any] | bytes
) -> None:
    """Also those that a reviewer does not give; nothing was decided."""
    interaction = post(servers)
    with pytest.raises(InvalidEvent) as refused:
        reviews.approve(servers, interaction, "ann", body)
    assert {problem.path for problem in refused.value.problems} == {
        "final_bubbles",
        "quality_score",
        "event_id",
        "customer_status",
    }
    assert in_outbox(database_url) == []
    found = reviews.review(servers, interaction)
    assert found is not None
    assert found.state is ReviewState.PENDING


@pytest.mark.parametrize("body", [b"[]", b"{", b"1e999", b'{"ltv_amount": NaN}', b"\xff", b"{}"])
def test_a_body_that_is_no_object_is_refused(servers: DirectServers, body: bytes) -> None:
    """Whatever comes by HTTP ends as a problem, not as a traceback."""
    with pytest.raises(InvalidEvent):
        reviews.approve(servers, post(servers), "ann", body)


def test_an_amount_that_json_rounds_is_refused(servers: DirectServers) -> None:
    """The text of the number counts, not what a double makes of it."""
    body = b'{"final_bubbles":["a"],"quality_score":4,"ltv_amount":0.100000000000000001}'
    with pytest.raises(InvalidEvent, match="2 decimal places"):
        reviews.approve(servers, post(servers), "ann", body)


def test_an_undone_approval_leaves_the_outbox_and_the_draft_is_there(
    servers: DirectServers, database_url: str
) -> None:
    """The reviewer holds it again; undoing twice is the same; a retry from before is refused."""
    interaction = post(servers)
    held = reviews.claim(servers, interaction, "ann")
    assert held is not None
    seen = held.review.revision
    reviews.approve(servers, interaction, "ann", BODY, revision=seen)

    undone = reviews.undo(servers, interaction, "ann")

    assert in_outbox(database_url) == []
    assert (undone.review.state, undone.review.claimed_by) == (ReviewState.PENDING, "ann")
    assert undone.draft == BODY
    assert undone.review.opened_at == held.review.opened_at
    assert reviews.undo(servers, interaction, "ann") == undone
    with pytest.raises(ReviewChangedError):
        reviews.approve(servers, interaction, "ann", BODY, revision=seen)
    again = reviews.approve(servers, interaction, "ann", BODY, revision=undone.review.revision)
    assert [held["event_id"] for held in in_outbox(database_url)] == [again.event_id]


def test_a_final_decision_cannot_be_undone(at_once: DirectServers, database_url: str) -> None:
    """Approved or rejected; and nobody undoes what another one decided, or what expired."""
    approved, rejected = post(at_once), post(at_once)
    reviews.approve(at_once, approved, "ann", BODY)
    reviews.reject(at_once, rejected, "ann", "too pushy")

    for interaction in (approved, rejected):
        with pytest.raises(UndoTooLateError, match="over"):
            reviews.undo(at_once, interaction, "ann")
        with pytest.raises(UndoTooLateError, match="that was ann"):
            reviews.undo(at_once, interaction, "bob")
    assert len(in_outbox(database_url)) == 1
    with pytest.raises(UndoTooLateError, match="cannot be undone: there is none"):
        reviews.undo(at_once, post(at_once), "ann")


def test_a_rejection_is_not_undone_once_another_draft_came(servers: DirectServers) -> None:
    """Though its reviewer holds that draft already, and the time for an undo is not over."""
    interaction = post(servers, draft_bubbles=["one"])
    reviews.reject(servers, interaction, "ann", "too pushy")
    post(servers, interaction_id=interaction, draft_bubbles=["two"])
    reviews.claim(servers, interaction, "ann")

    with pytest.raises(UndoTooLateError, match="cannot be undone: there is none"):
        reviews.undo(servers, interaction, "ann")

    reviews.approve(servers, interaction, "ann", BODY)
    for _ in range(2):
        assert reviews.undo(servers, interaction, "ann").review.draft_bubbles == ["two"]


def test_an_undo_and_the_relay_never_both_have_the_event(
    servers: DirectServers, database_url: str
) -> None:
    """An event that a relay has published stays published, whatever the clock says."""
    interaction = post(servers)
    reviews.approve(servers, interaction, "ann", BODY)
    sql(database_url, "UPDATE public.signoff_outbox SET published_at = now()")

    with pytest.raises(UndoTooLateError):
        reviews.undo(servers, interaction, "ann")
    found = reviews.review(servers, interaction)
    assert found is not None
    assert found.state is ReviewState.APPROVED


def test_a_rejected_draft_may_be_posted_anew(servers: DirectServers) -> None:
    """The reason is kept; the same draft stays rejected, another one begins a new review."""
    given = draft()
    reviews.post_review(servers, given, "key:bot")
    rejected = reviews.reject(servers, given.interaction_id, "ann", "too pushy")
    assert reviews.reject(servers, given.interaction_id, "ann", "too pushy") == rejected
    with pytest.raises(ReviewDecidedError, match="rejected by ann"):
        reviews.approve(servers, given.interaction_id, "ann", BODY)

    same = reviews.post_review(servers, given, "key:bot")
    assert (same.posting, same.review.reject_reason) == (Posting.UNCHANGED, "too pushy")

    better = draft(interaction_id=given.interaction_id, draft_bubbles=["softer"])
    anew = reviews.post_review(servers, better, "key:bot")
    assert (anew.posting, anew.review.state) == (Posting.REOPENED, ReviewState.PENDING)
    assert anew.review.revision > same.review.revision
    assert reviews.approve(servers, given.interaction_id, "bob", BODY).decided_by == "bob"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\0b"])
def test_a_rejection_wants_a_reason(servers: DirectServers, reason: str) -> None:
    """What the upstream reads must say something."""
    with pytest.raises(InvalidReview, match="reason must hold 1 to 500 characters"):
        reviews.reject(servers, post(servers), "ann", reason)


def test_a_review_that_is_not_wanted_any_more_expires(
    servers: DirectServers, database_url: str
) -> None:
    """Not while somebody has it open; afterwards it is not offered, and may be posted anew."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    open_one, other = post(servers, expires_at=soon), post(servers, expires_at=soon)
    reviews.claim(servers, open_one, "ann")
    sql(database_url, "UPDATE signoff.reviews SET expires_at = now() - interval '1 second'")

    assert reviews.claim(servers, None, "bob") is None
    with pytest.raises(ReviewDecidedError, match="was expired at"):
        reviews.claim(servers, other, "bob")
    expired = reviews.review_page(servers, state=ReviewState.EXPIRED).items
    assert [one.interaction_id for one in expired] == [other]
    assert reviews.approve(servers, open_one, "ann", BODY).state is ReviewState.APPROVED
    anew = reviews.post_review(
        servers, draft(interaction_id=other, draft_bubbles=["late"]), "key:bot"
    )
    assert anew.posting is Posting.REOPENED


def test_without_an_outbox_nothing_is_decided(database_url: str) -> None:
    """The error says which command makes it; an outbox of an earlier release likewise."""
    servers = DirectServers(Settings.load(database_url=database_url))
    interaction = post(servers)
    with pytest.raises(OutboxMissingError, match="signoff outbox create"):
        reviews.approve(servers, interaction, "ann", BODY)

    servers_of(database_url)
    sql(database_url, "ALTER TABLE public.signoff_outbox DROP COLUMN due_at")
    with pytest.raises(OutboxMissingError, match="signoff outbox create"):
        reviews.approve(servers, interaction, "ann", BODY)
    found = reviews.review(servers, interaction)
    assert found is not None
    assert found.state is ReviewState.PENDING


def test_a_name_that_nobody_can_have_is_refused(servers: DirectServers) -> None:
    """A reviewer's name is 1 to 200 characters."""
    interaction = post(servers)
    for name in ("", " ", "x" * 201, "a\0"):
        with pytest.raises(InvalidReview, match="reviewer must hold"):
            reviews.claim(servers, interaction, name)
        for act in (reviews.renew, reviews.release):
            with pytest.raises(InvalidReview, match="reviewer must hold"):
                act(servers, interaction, name)


def test_a_supervisor_takes_over_and_reassigns(servers: DirectServers, database_url: str) -> None:
    """The one who had it is told who has it now; the action is noted with its actor."""
    interaction = post(servers)
    reviews.claim(servers, interaction, "ann")

    assert reviews.take_over(servers, interaction, "eve", "user:eve").claimed_by == "eve"
    with pytest.raises(ReviewHeldError, match="eve"):
        reviews.renew(servers, interaction, "ann")
    reviews.reassign(servers, interaction, "bob", "user:eve")

    held = reviews.claim(servers, interaction, "bob")
    assert held is not None
    noted = sql(
        database_url,
        "SELECT actor, action, before->>'claimed_by', after->>'claimed_by'"
        " FROM signoff.operator_actions ORDER BY id",
    )
    assert noted == [
        ("user:eve", "reassign", "ann", "eve"),
        ("user:eve", "reassign", "eve", "bob"),
    ]


def test_the_supervisor_sees_who_holds_what_and_what_was_decided(servers: DirectServers) -> None:
    """Held, waiting by age, decided today, and drafts that were returned."""
    held, approved, rejected, _ = (post(servers) for _ in range(4))
    reviews.claim(servers, held, "ann")
    reviews.claim(servers, approved, "ann")
    reviews.approve(servers, approved, "ann", BODY)
    reviews.reject(servers, rejected, "bob", "too pushy")

    view = review_desk.supervisor_view(servers)

    assert [(one.interaction_id, one.claimed_by) for one in view.held] == [(held, "ann")]
    assert (view.waiting.waiting, view.waiting.held, view.waiting.capped) == (2, 1, False)
    assert view.by_age[0] == ("under 15 minutes", 2)
    assert [(one.reviewer, one.approved, one.rejected) for one in view.decided_today] == [
        ("ann", 1, 0),
        ("bob", 0, 1),
    ]
    assert [(one.interaction_id, one.reject_reason, one.posted_again) for one in view.returned] == [
        (rejected, "too pushy", False)
    ]


def test_a_decision_that_was_undone_does_not_count(servers: DirectServers) -> None:
    """Neither for the supervisor nor among one's own decisions."""
    interaction = post(servers)
    reviews.approve(servers, interaction, "ann", BODY)
    reviews.undo(servers, interaction, "ann")

    assert review_desk.supervisor_view(servers).decided_today == ()
    assert review_desk.recent_decisions(servers, "ann") == []


def test_the_effect_is_told_before_and_after_it_happens(
    at_once: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """The preview and the applied total are those of the fold."""
    interaction = post(at_once)
    earlier = approval(interaction_id=interaction, customer_status="CUSTOMER", ltv_amount="150.00")
    apply_events(connection, earlier)
    body = {**BODY, "ltv_amount": "50.00"}

    preview = review_desk.after_approval(at_once, interaction, "ann", body)
    assert preview.text == "CUSTOMER, 150.00 + 50.00 = 200.00 USD"
    assert (str(preview.customer_ltv_after), preview.customer_status_after) == (
        "200.00",
        "CUSTOMER",
    )

    reviews.approve(at_once, interaction, "ann", body)
    (waiting,) = review_desk.recent_decisions(at_once, "ann")
    assert (waiting.outcome, waiting.effect) == ("in_outbox", None)
    assert apply_outbox(connection, database_url) == ["applied"]
    (decision,) = review_desk.recent_decisions(at_once, "ann")
    assert decision.outcome == "applied"
    assert decision.effect is not None
    assert decision.effect.text == preview.text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"customer_status": "CHURNED", "ltv_amount": 40},
            "CHURNED, set to 40.00 USD (before: 70.00)",
        ),
        ({"customer_status": "CHURNED"}, "CHURNED, 70.00 USD as before"),
        ({"ltv_amount": "0"}, "CUSTOMER, 70.00 + 0.00 = 70.00 USD"),
        ({}, "CUSTOMER, 70.00 USD as before"),
    ],
)
def test_the_preview_begins_at_the_opening_balance(
    servers: DirectServers, database_url: str, body: dict[str, Any], text: str
) -> None:
    """An interaction of the upstream that no event has touched yet."""
    interaction = post(servers)
    sql(
        database_url,
        "INSERT INTO signoff.interactions (id, user_id, customer_status, ltv_usd)"
        " VALUES (%s, 'user-1', 'CUSTOMER', 70)",
        interaction,
    )
    preview = review_desk.after_approval(servers, interaction, "ann", {**BODY, **body})
    assert (preview.text, preview.refusal) == (text, None)


def test_the_preview_says_what_would_become_a_dead_letter(
    servers: DirectServers, database_url: str
) -> None:
    """Another owner, or more than an interaction can hold."""
    interaction = post(servers)
    sql(
        database_url,
        "INSERT INTO signoff.interactions (id, user_id, customer_status, ltv_usd)"
        " VALUES (%s, 'user-1', 'CUSTOMER', 999999)",
        interaction,
    )
    body = {**BODY, "ltv_amount": 50}
    too_much = review_desk.after_approval(servers, interaction, "ann", body).refusal
    assert too_much is not None
    assert "999999.99" in too_much
    sql(database_url, "UPDATE signoff.interactions SET user_id = 'user-2'")
    foreign = review_desk.after_approval(servers, interaction, "ann", BODY).refusal
    assert foreign is not None
    assert "belongs to user 'user-2'" in foreign


def test_a_dead_letter_and_a_late_event_reach_the_reviewer(
    at_once: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """With the cause; a newer event that holds the status makes it late."""
    foreign, late = post(at_once), post(at_once)
    sql(database_url, "INSERT INTO signoff.interactions (id, user_id) VALUES (%s, 'x')", foreign)
    reviews.approve(at_once, foreign, "ann", BODY)
    decided = reviews.approve(at_once, late, "ann", {**BODY, "customer_status": "CHURNED"})
    newer = ApprovalEvent.parse(
        {
            "event_id": uuid4(),
            "occurred_at": decided.decided_at + timedelta(seconds=1),
            "interaction_id": late,
            "user_id": "user-1",
            "customer_status": "CUSTOMER",
            **BODY,
        }
    )
    assert apply_events(connection, newer) == ["applied"]
    assert apply_outbox(connection, database_url) == ["user_mismatch", "late"]

    found = review_desk.recent_decisions(at_once, "ann")

    assert [one.outcome for one in found] == ["late", "dead_letter"]
    assert found[1].reason is not None
    assert found[1].reason.startswith("user_mismatch: ")
    assert found[1].dead_letter is not None


def test_the_context_is_that_of_the_reviews_customer(
    at_once: DirectServers, database_url: str, connection: BatchConnection
) -> None:
    """The last exchanges with the customer's messages, the status, its moves, calls to action."""
    ids = [post(at_once, customer_message=f"question {n}") for n in range(3)]
    post(at_once, user_id="user-2", customer_message="somebody else's")
    asked = {**BODY, "edit_tags": ["CTA_SOFT"], "cta_data": {"kind": "call"}}
    reviews.approve(at_once, ids[0], "ann", {**asked, "customer_status": "LEAD_QUALIFIED"})
    reviews.approve(
        at_once, ids[1], "ann", {**BODY, "customer_status": "CUSTOMER", "ltv_amount": 5}
    )
    apply_outbox(connection, database_url)

    context = review_desk.context_of(at_once, ids[2])

    assert context.review.customer_message == "question 2"
    assert [one.customer_message for one in context.exchanges] == ["question 1", "question 0"]
    assert [one.interaction_id for one in context.calls_to_action] == [ids[0]]
    assert context.customer is not None
    assert (context.customer.customer_status, str(context.customer.ltv_usd)) == ("CUSTOMER", "5.00")
    assert [one.to_status for one in context.transitions] == ["CUSTOMER", "LEAD_QUALIFIED"]
    assert context.interaction is None
    with pytest.raises(UnknownReviewError):
        review_desk.context_of(at_once, uuid4())


def test_a_customer_of_whom_nothing_was_applied_is_unknown(servers: DirectServers) -> None:
    """It is not taken for a prospect."""
    context = review_desk.context_of(servers, post(servers))
    assert (context.customer, context.exchanges, context.transitions) == (None, (), ())


def test_what_a_reviewer_holds_and_has_not_opened_comes_first(database_url: str) -> None:
    """One that was assigned to them, too; but not one that a living tab has, or that is open."""
    servers = servers_of(database_url)
    opened, fetched, assigned, free = (post(servers, priority=p) for p in (1, 0.6, 0.2, 0.4))
    reviews.claim(servers, opened, "ann")
    reviews.claim(servers, fetched, "ann", opened=False)
    reviews.reassign(servers, assigned, "ann", "user:boss")
    for besides, expected in (((), fetched), ([fetched], assigned), ([fetched, assigned], free)):
        claimed = reviews.claim_ahead(servers, "ann", besides)
        assert claimed is not None
        assert claimed.review.interaction_id == expected
        assert claimed.review.opened_at is None
    waiting = reviews.waiting_reviews(servers, "ann")
    assert (waiting.held, waiting.own) == (4, 4)
    assert reviews.waiting_reviews(servers, "ben").own == 0
    assert reviews.claim_ahead(servers, "ben") is None
