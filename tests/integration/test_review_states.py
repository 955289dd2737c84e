"""Any order of posts, claims, decisions and undos, by several reviewers, keeps the rules."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from desk import BODY, decisions_after, draft, servers_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from signoff_db.connection import connect
from signoff_ops import reviews
from signoff_ops.reviews import ReviewState
from signoff_schemas import Settings

IDS = st.integers(0, 2)
REVIEWERS = st.sampled_from(["ann", "bob"])
REFUSALS = (
    reviews.ReviewChangedError,
    reviews.ReviewConflictError,
    reviews.ReviewDecidedError,
    reviews.ReviewHeldError,
    reviews.UndoTooLateError,
    reviews.UnknownReviewError,
)


class OneConnection:
    """Servers with one connection for all uses: quick, and as in a pool of one."""

    def __init__(self, connection: psycopg.Connection[Any], settings: Settings) -> None:
        self.connection = connection
        self.settings = settings

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[Any]]:
        """See `Servers`."""
        yield self.connection


class Desk(RuleBasedStateMachine):
    """Reviewers and an upstream at three interactions, beside what they must find."""

    connection: psycopg.Connection[Any]
    settings: Settings

    def __init__(self) -> None:
        super().__init__()
        self.ids = [uuid4() for _ in range(3)]
        self.servers: Any = OneConnection(self.connection, self.settings)
        self.holder: dict[UUID, str] = {}
        """Who must hold what, by the rules alone."""
        self.decided: dict[UUID, str] = {}
        self.final: set[UUID] = set()

    def run(self, statement: str, interaction: UUID) -> None:
        """Change one review as time would."""
        self.connection.execute(statement.encode(), [interaction])

    @rule(number=IDS, text=st.sampled_from(["one", "two"]))
    def post(self, number: int, text: str) -> None:
        """An upstream posts; only a pending one that nobody holds, or a returned one, changes."""
        interaction = self.ids[number]
        try:
            posted = reviews.post_review(
                self.servers, draft(interaction_id=interaction, draft_bubbles=[text]), "key:bot"
            )
        except reviews.ReviewConflictError:
            assert interaction in self.holder or self.decided.get(interaction) == "approved"
            return
        match posted.posting:
            case reviews.Posting.REPLACED:
                assert interaction not in self.holder
            case reviews.Posting.REOPENED:
                assert self.decided.pop(interaction) in {"rejected", "expired"}
                self.final.discard(interaction)

    @rule(number=IDS, reviewer=REVIEWERS)
    def claim(self, number: int, reviewer: str) -> None:
        """Only a pending review that nobody else holds."""
        interaction = self.ids[number]
        try:
            reviews.claim(self.servers, interaction, reviewer)
        except reviews.ReviewHeldError as refused:
            self._has_it(refused, interaction, reviewer)
        except REFUSALS:
            assert interaction not in self.holder
        else:
            assert self.holder.get(interaction, reviewer) == reviewer
            self.holder[interaction] = reviewer

    @rule(reviewer=REVIEWERS)
    def claim_next(self, reviewer: str) -> None:
        """Never one that somebody holds."""
        held = reviews.claim(self.servers, None, reviewer)
        if held is not None and held.review.interaction_id in self.ids:
            assert held.review.interaction_id not in self.holder
            self.holder[held.review.interaction_id] = reviewer

    @rule(number=IDS, reviewer=REVIEWERS)
    def release(self, number: int, reviewer: str) -> None:
        """Only one's own."""
        interaction = self.ids[number]
        if reviews.release(self.servers, interaction, reviewer):
            assert self.holder.pop(interaction, reviewer) == reviewer

    @rule(number=IDS)
    def lease_ends(self, number: int) -> None:
        """A laptop is closed."""
        self.holder.pop(self.ids[number], None)
        self.run(
            "UPDATE reviews SET claimed_until = now() - interval '1 second'"
            " WHERE interaction_id = %s AND claimed_by IS NOT NULL",
            self.ids[number],
        )

    @rule(number=IDS, reviewer=REVIEWERS, score=st.sampled_from([1, 5]))
    def approve(self, number: int, reviewer: str, score: int) -> None:
        """One's own or a free one, once."""
        self._decide(
            number,
            reviewer,
            "approved",
            lambda one: reviews.approve(
                self.servers, one, reviewer, {**BODY, "quality_score": score}
            ),
        )

    @rule(number=IDS, reviewer=REVIEWERS)
    def reject(self, number: int, reviewer: str) -> None:
        """Likewise."""
        self._decide(
            number,
            reviewer,
            "rejected",
            lambda one: reviews.reject(self.servers, one, reviewer, "no"),
        )

    def _has_it(self, refused: reviews.ReviewHeldError, interaction: UUID, other: str) -> None:
        assert refused.holder == self.holder[interaction] != other

    def _decide(self, number: int, reviewer: str, decision: str, act: Any) -> None:
        interaction = self.ids[number]
        try:
            act(interaction)
        except reviews.ReviewHeldError as refused:
            self._has_it(refused, interaction, reviewer)
            return
        except reviews.ReviewDecidedError:
            assert interaction in self.decided
            return
        except reviews.UnknownReviewError:
            return
        assert self.decided.get(interaction, decision) == decision
        assert self.holder.pop(interaction, reviewer) == reviewer
        self.decided[interaction] = decision

    @rule(number=IDS, reviewer=REVIEWERS)
    def undo(self, number: int, reviewer: str) -> None:
        """Only what is not final yet."""
        interaction = self.ids[number]
        try:
            reviews.undo(self.servers, interaction, reviewer)
        except REFUSALS:
            return
        if interaction in self.decided:
            assert interaction not in self.final
            assert self.decided.pop(interaction) in {"approved", "rejected"}
        self.holder[interaction] = reviewer

    @rule(number=IDS)
    def undo_time_ends(self, number: int) -> None:
        """What was decided is final."""
        interaction = self.ids[number]
        if interaction in self.decided:
            self.final.add(interaction)
        for table, column in (("reviews", "undo_until"), ("public.signoff_outbox", "due_at")):
            key = (
                "interaction_id = %s"
                if table == "reviews"
                else ("event_id = (SELECT event_id FROM reviews WHERE interaction_id = %s)")
            )
            self.run(f"UPDATE {table} SET {column} = now() WHERE {key}", interaction)

    @rule(number=IDS)
    def expires(self, number: int) -> None:
        """Not while somebody holds it."""
        interaction = self.ids[number]
        self.run(
            "UPDATE reviews SET expires_at = now() WHERE interaction_id = %s AND state = 'pending'",
            interaction,
        )
        found = reviews.review(self.servers, interaction)
        if found is not None and found.state is ReviewState.EXPIRED:
            assert interaction not in self.holder
            self.decided[interaction] = "expired"
        self.run("UPDATE reviews SET expires_at = NULL WHERE interaction_id = %s", interaction)

    @invariant()
    def the_states_are_as_decided(self) -> None:
        """The table holds what the rules say: state and holder of each review."""
        for interaction in self.ids:
            found = reviews.review(self.servers, interaction)
            if found is not None:
                assert found.state == self.decided.get(interaction, "pending")
                assert found.claimed_by == self.holder.get(interaction)

    @invariant()
    def each_standing_approval_is_one_event(self) -> None:
        """In the outbox are exactly the events of the approved reviews."""
        rows = self.connection.execute(
            "SELECT interaction_id, event_id FROM reviews WHERE state = 'approved'"
            " AND interaction_id = ANY(%s)",
            [self.ids],
        ).fetchall()
        events = self.connection.execute(
            "SELECT (event::jsonb->>'interaction_id')::uuid, event_id FROM public.signoff_outbox"
            " WHERE (event::jsonb->>'interaction_id')::uuid = ANY(%s)",
            [self.ids],
        ).fetchall()
        assert sorted(rows) == sorted(events)
        assert len({interaction for interaction, _ in rows}) == len(rows)

    def teardown(self) -> None:
        """At last the feed tells each decision that stands, once."""
        self.connection.execute("ALTER TABLE review_decisions DISABLE TRIGGER USER")
        self.connection.execute("UPDATE review_decisions SET final_at = now()")
        self.connection.execute("ALTER TABLE review_decisions ENABLE TRIGGER USER")
        told = [
            one for one in decisions_after(self.servers, None) if one.interaction_id in self.ids
        ]
        approved = [one.interaction_id for one in told if one.decision == "approved"]
        assert sorted(approved) == sorted(
            one for one, decision in self.decided.items() if decision == "approved"
        )


@pytest.mark.parametrize("examples", [12])
def test_any_order_of_actions_keeps_the_rules(database_url: str, examples: int) -> None:
    """One holder, one event for each approval, and no state that the rules do not name."""
    servers = servers_of(database_url, undo_seconds=60)
    with connect(database_url) as connection:
        desk = type("DeskHere", (Desk,), {"connection": connection, "settings": servers.settings})
        run_state_machine_as_test(
            desk,
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
