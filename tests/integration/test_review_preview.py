"""The preview of an approval tells what applying it does then, whatever happened before."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from approvals import apply_events, approval, decision
from desk import BODY, post, servers_of, sql

from signoff_db.connection import BatchConnection
from signoff_ops import review_desk, reviews
from signoff_schemas import CUSTOMER_STATUSES, AnyEvent, parse_event

STATUSES = (None, *CUSTOMER_STATUSES)
AMOUNTS = (None, "0", "0.01", "40.00", "10000")


def history(chance: random.Random, interaction: UUID, user: str) -> list[AnyEvent]:
    """Some earlier events: of this interaction, of another one, decisions; a few are ahead."""
    now = datetime.now(UTC)
    events: list[AnyEvent] = []
    for _ in range(chance.randrange(5)):
        occurred_at = now - timedelta(seconds=chance.randrange(-200, 100_000))
        status, amount = chance.choice(STATUSES), chance.choice(AMOUNTS)
        if chance.random() < 0.2:
            events.append(decision(user_id=user, occurred_at=occurred_at))
            continue
        where = interaction if chance.random() < 0.7 else uuid4()
        events.append(
            approval(
                interaction_id=where,
                user_id=user,
                occurred_at=occurred_at,
                customer_status=status,
                ltv_amount=amount,
            )
        )
    return events


def found(connection: BatchConnection, interaction: UUID, user: str) -> tuple[Any, ...] | None:
    """Status and LTV of the interaction and of its customer."""
    return connection.execute(
        "SELECT i.customer_status, i.ltv_usd, c.customer_status, c.ltv_usd"
        " FROM interactions i JOIN customers c USING (user_id) WHERE i.id = %s AND i.user_id = %s",
        [interaction, user],
    ).fetchone()


@pytest.mark.parametrize("seed", range(4))
def test_the_preview_is_what_applying_does(
    database_url: str, connection: BatchConnection, seed: int
) -> None:
    """For any history, opening balance, status and amount."""
    servers = servers_of(database_url, undo_seconds=0)
    chance = random.Random(seed)
    for number in range(12):
        user = f"user-{seed}-{number}"
        interaction = post(servers, user_id=user)
        if chance.random() < 0.5:
            sql(
                database_url,
                "INSERT INTO signoff.interactions (id, user_id, customer_status, ltv_usd)"
                " VALUES (%s, %s, %s, %s)",
                interaction,
                user,
                chance.choice(CUSTOMER_STATUSES),
                chance.choice((0, 70, 999_999)),
            )
        apply_events(connection, *history(chance, interaction, user))
        body = {
            **BODY,
            "customer_status": chance.choice(STATUSES),
            "ltv_amount": chance.choice(AMOUNTS),
        }
        preview = review_desk.after_approval(servers, interaction, "ann", body)
        decided = reviews.approve(servers, interaction, "ann", body)
        assert decided.event is not None
        (verdict,) = apply_events(connection, parse_event(decided.event))
        if preview.refusal is not None:
            assert verdict == "ltv_overflow"
            continue
        assert verdict in {"applied", "late"}
        assert found(connection, interaction, user) == (
            preview.status_after,
            preview.ltv_after,
            preview.customer_status_after,
            preview.customer_ltv_after,
        ), (seed, number)
