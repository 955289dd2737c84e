"""The published events, made from a seed, so that a publisher that was killed can continue."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

INTERACTIONS: Final = 2000
HOT: Final = 5
USERS: Final = 500
FORBIDDEN: Final = "forbidden"
"""Reviewer's notes that a CHECK, added to this installation's tables, refuses."""
_START: Final = datetime(2024, 1, 1, tzinfo=UTC)
_STATUSES: Final = ("PROSPECT", "LEAD_QUALIFIED", "CUSTOMER", "CHURNED", "LEAD_EXHAUSTED", None)
_TAGS: Final = ("CTA_SOFT", "TONE_CASUAL", "STRUCT_SHORTEN", "TEXT_SPEAK")

Expectation = Literal["applied", "dead"]


@dataclass(frozen=True)
class Published:
    """What the queue accepted, and the expected result."""

    job_id: str
    event: dict[str, Any] | None
    """None for a job that holds no event."""
    expect: Expectation = "applied"
    data: bytes = b""
    """The job's data, where it holds no event."""
    at: float = 0
    """When its receipt came, in seconds since the epoch."""
    spooled: bool = False
    """Whether the receipt said `spooled`: it went to the publisher's file, and to Redis later."""

    @property
    def line(self) -> str:
        """One line of a journal."""
        return json.dumps([self.job_id, self.event, self.expect, self.at, self.spooled])


def of_publisher(seed: int, publisher: int, n: int) -> Published:
    """The publisher's event number `n`; some are sent twice, some by all of them, some are bad."""
    if n % 20 == 10:
        return of_publisher(seed, publisher, n - 7)
    if n % 20 == 15:
        return _published(random.Random(f"{seed} everybody {n}"))
    chance = random.Random(f"{seed} {publisher} {n}")
    if n % 50 == 17:
        return _published(chance, expect="dead", interaction_id=_uuid(chance), user_id=None)
    if n % 100 == 33:
        return _published(chance, expect="dead", reviewer_notes=FORBIDDEN)
    if n % 10 == 4:
        return _decision(chance, of_publisher(seed, publisher, n - 1))
    return _published(chance)


def _decision(chance: random.Random, earlier: Published) -> Published:
    """A status decision about the customer of another event, on which it may rest."""
    ground = earlier.event or {}
    occurred_at = datetime.fromisoformat(ground["occurred_at"])
    event = {
        "event_type": "status_decision",
        "event_id": _uuid(chance),
        "occurred_at": (occurred_at + timedelta(seconds=chance.randrange(20_000))).isoformat(),
        "user_id": ground["user_id"] or f"user-{chance.randrange(USERS)}",
        "customer_status": chance.choice(_STATUSES[:-1]),
        "decided_by": "service:billing",
        "reason": f"number {chance.randrange(1000)}",
        "evidence": chance.choice([None, {"days": chance.randrange(90)}]),
        "rests_on": chance.choice([None, ground["event_id"], ground["event_id"]]),
    }
    return Published(str(event["event_id"]), event)


def interaction(number: int) -> tuple[str, str]:
    """One of the interactions that events are about, and its user."""
    return str(UUID(int=(number + 1) << 64)), f"user-{number % USERS}"


def some(count: int, *, seed: object, **fields: Any) -> list[Published]:
    """So many events that are applied, each with the fields given."""
    chance = random.Random(str(seed))
    return [_published(chance, **fields) for _ in range(count)]


def unknown_interactions(count: int, *, seed: object, expect: Expectation) -> list[Published]:
    """Events without a user, of unknown interactions: dead letters until the interactions exist."""
    chance = random.Random(str(seed))
    return [
        _published(chance, expect=expect, interaction_id=_uuid(chance), user_id=None)
        for _ in range(count)
    ]


def opener(late: Published) -> Published:
    """An event that creates the interaction of another event."""
    chance = random.Random(f"opener {late.job_id}")
    known = (late.event or {})["interaction_id"]
    return _published(chance, interaction_id=known, user_id="user-0")


def poison(job_id: str, size: int = 0) -> Published:
    """A job without a valid event, padded to a size."""
    event = json.dumps({"poison": job_id, "padding": "x" * size})
    data = f'["signoff_worker.jobs.apply_approval", null, [{event}], {{}}]'
    return Published(job_id, None, "dead", data.encode())


def _published(
    chance: random.Random, *, expect: Expectation = "applied", **fields: Any
) -> Published:
    event = _event(chance) | fields
    return Published(event["event_id"], event, expect)


def _event(chance: random.Random) -> dict[str, Any]:
    most = HOT if chance.random() < 0.1 else INTERACTIONS
    interaction_id, user_id = interaction(chance.randrange(most))
    return {
        "event_id": _uuid(chance),
        "occurred_at": (_START + timedelta(seconds=chance.randrange(1_000_000))).isoformat(),
        "interaction_id": interaction_id,
        "user_id": user_id,
        "reviewer_id": chance.choice([None, "ann", "bob"]),
        "final_bubbles": ["hello", f"number {chance.randrange(1000)}"],
        "edit_tags": chance.sample(_TAGS, chance.randrange(3)),
        "quality_score": chance.randint(1, 5),
        "reviewer_notes": chance.choice([None, None, "fine"]),
        "cta_data": chance.choice([None, {"offer": chance.randrange(9), "deep": {"a": ["b"]}}]),
        "customer_status": chance.choice(_STATUSES),
        "ltv_amount": chance.choice([None, f"{chance.randrange(2000) / 100:.2f}"]),
    }


def _uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128)))
