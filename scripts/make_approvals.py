"""Make the example that `signoff demo` publishes: cli/signoff_cli/examples/approvals.jsonl.

Run once, with a fixed seed; the file is committed. It holds about 2,000 approvals of invented
customers as upstream services really send them: some twice, some long after they occurred, a few
that break the contract, and a few valid ones that cannot be applied.
"""

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

Event = dict[str, Any]

TARGET = (
    Path(__file__).resolve().parent.parent / "cli" / "signoff_cli" / "examples" / "approvals.jsonl"
)
SEED = 20
EVENTS = 1_900
LATE = 60
DUPLICATES = 40
EXHAUSTED, BUYING, LEAVING, NEW_INTERACTION = 0.2, 0.7, 0.3, 0.3
"""Chances of a customer's steps."""
MISSING_INTERACTION = "00000000-0000-4000-8000-00000000aaaa"
FULL_INTERACTION = "00000000-0000-4000-8000-00000000bbbb"
OPENINGS = ("hey you", "good morning!", "so glad you wrote", "haha true", "tell me more")
ENDINGS = ("talk later?", "here is the link", "what do you think?", "see you tonight", "up to you")
TAGS = ("CTA_SOFT", "TONE_CASUAL", "STRUCT_SHORTEN", "CONTENT_EMOJI_ADD", "TEXT_SPEAK")


def main() -> int:
    """Write the file."""
    chance = random.Random(SEED)
    events = journeys(chance)
    lines = [json.dumps(event) for event in delayed(chance, events)]
    for _ in range(DUPLICATES):
        copied = chance.randrange(len(lines) - 1)
        lines.insert(chance.randrange(copied + 1, len(lines)), lines[copied])
    for line in [*map(json.dumps, unacceptable(events)), *malformed(events)]:
        lines.insert(chance.randrange(len(lines) // 2, len(lines)), line)
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(lines)} lines")
    return 0


def journeys(chance: random.Random) -> list[Event]:
    """Events of customers that move through the funnel, in order of occurrence."""
    events: list[Event] = []
    customer = 0
    while len(events) < EVENTS:
        customer += 1
        events += journey(chance, f"user-{customer:04}")
    return sorted(events[:EVENTS], key=lambda event: (event["occurred_at"], event["event_id"]))


def journey(chance: random.Random, user: str) -> list[Event]:
    """One customer: a prospect, perhaps qualified, perhaps buying, perhaps leaving."""
    moment = datetime(2025, 1, 1, 9, tzinfo=UTC) + timedelta(minutes=chance.randrange(400_000))
    steps: list[tuple[str | None, str | None]] = [("PROSPECT", None)]
    if chance.random() < EXHAUSTED:
        steps.append(("LEAD_EXHAUSTED", None))
    else:
        steps.append(("LEAD_QUALIFIED", "0"))
        if chance.random() < BUYING:
            steps += [("CUSTOMER", price(chance)) for _ in range(chance.randint(1, 9))]
            steps += [("CHURNED", None)] * (chance.random() < LEAVING)
        steps.insert(chance.randint(1, 2), (None, None))
    events = []
    interaction = 0
    for number, (status, amount) in enumerate(steps):
        interaction += chance.random() < NEW_INTERACTION
        moment += timedelta(minutes=chance.randint(30, 20_000))
        event = approval(chance, f"{user}/{number}", f"{user}/i{interaction}", moment)
        event |= {"user_id": user}
        event |= {"customer_status": status} if status else {}
        events.append(event | ({"ltv_amount": amount} if amount else {}))
    return events


def approval(chance: random.Random, name: str, interaction: str, moment: datetime) -> Event:
    """What every approval holds."""
    return {
        "event_id": identifier(name),
        "occurred_at": moment.isoformat().replace("+00:00", "Z"),
        "interaction_id": identifier(interaction),
        "reviewer_id": f"rev-{chance.randint(1, 6)}",
        "final_bubbles": [chance.choice(OPENINGS), chance.choice(ENDINGS)],
        "edit_tags": chance.sample(TAGS, chance.randint(0, 2)),
        "quality_score": chance.choice((3, 4, 4, 5, 5)),
    }


def identifier(name: str) -> str:
    """A UUID that is the same at each run."""
    return str(uuid5(NAMESPACE_URL, f"signoff-example:{name}"))


def price(chance: random.Random) -> str:
    """An amount in dollars and cents."""
    return f"{chance.randint(4, 240)}.{chance.choice(('00', '50', '90', '99'))}"


def delayed(chance: random.Random, events: list[Event]) -> list[Event]:
    """The events in the order in which they arrive: some long after newer ones."""
    arriving = list(events)
    for _ in range(LATE):
        late = arriving.pop(chance.randrange(len(arriving) // 2))
        arriving.insert(chance.randrange(len(arriving) * 3 // 4, len(arriving)), late)
    return arriving


def unacceptable(events: list[Event]) -> list[Event]:
    """Valid events that cannot be applied: they become dead letters."""
    plain = {name: events[0][name] for name in ("occurred_at", "final_bubbles", "quality_score")}
    unknown = [
        plain | {
            "event_id": identifier(f"unknown/{number}"),
            "interaction_id": MISSING_INTERACTION,
            "customer_status": "CUSTOMER",
            "ltv_amount": "20.00",
        }
        for number in range(3)
    ]  # fmt: skip
    mismatch = plain | {
        "event_id": identifier("mismatch"),
        "interaction_id": events[0]["interaction_id"],
        "user_id": "user-9999",
    }
    overflow = plain | {
        "event_id": identifier("overflow"),
        "interaction_id": FULL_INTERACTION,
        "customer_status": "CUSTOMER",
        "ltv_amount": "5000.00",
    }
    return [*unknown, mismatch, overflow]


def malformed(events: list[Event]) -> list[str]:
    """Lines that break the contract: publishing refuses them."""
    good = events[1] | {"event_id": str(UUID(int=1))}
    bad = [
        good | {"ltv_ammount": "20.00"},
        good | {"quality_score": 7},
        good | {"occurred_at": "2025-03-01 12:00"},
    ]
    return [*map(json.dumps, bad), '{"event_id": "cut off in the mid']


if __name__ == "__main__":
    sys.exit(main())
