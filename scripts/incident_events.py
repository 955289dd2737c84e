"""The events of an incident: sound ones of many customers, and what faults make of them."""

import json
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from incident_model import Event, Sent

from signoff_schemas import encode_job

_OPENINGS: Final = ("hey you", "good morning!", "so glad you wrote", "haha true", "tell me more")
_ENDINGS: Final = ("talk later?", "here is the link", "what do you think?", "up to you")
_STATUSES: Final = {
    "PROSPECT": 30,
    "LEAD_QUALIFIED": 25,
    "CUSTOMER": 30,
    "CHURNED": 8,
    "LEAD_EXHAUSTED": 7,
}
_HOURS: Final = 6
"""Since when the events occurred."""


class Customers:
    """Makes sound events of so many customers, who have up to three interactions each."""

    def __init__(self, chance: random.Random, count: int, start: datetime) -> None:
        self._chance = chance
        self._count = count
        self._start = start

    def new_id(self) -> str:
        """An id that nothing else has."""
        return str(UUID(int=self._chance.getrandbits(128), version=4))

    def event(self, service: str, part: float = 1.0) -> Event:
        """An event that a service sends; `part` of the last hours had gone by when it occurred."""
        chance = self._chance
        customer = chance.randrange(self._count)
        ago = timedelta(hours=_HOURS) * (1 - min(part, 1))
        return {
            "event_id": self.new_id(),
            "occurred_at": instant(self._start - ago - timedelta(seconds=chance.uniform(60, 900))),
            "interaction_id": str(UUID(int=customer * 4 + chance.randrange(3) + 1, version=4)),
            "user_id": f"customer-{customer:05}",
            "reviewer_id": f"reviewer-{chance.randint(1, 9)}",
            "final_bubbles": [chance.choice(_OPENINGS), chance.choice(_ENDINGS)],
            "edit_tags": [chance.choice(("CTA_SOFT", "TONE_CASUAL", "TEXT_SPEAK"))],
            "quality_score": chance.choice((3, 4, 4, 5, 5)),
            "cta_data": {"service": service},
            "customer_status": chance.choices([*_STATUSES], [*_STATUSES.values()])[0],
            "ltv_amount": f"{chance.randint(4, 90)}.{chance.choice(('00', '50', '90'))}",
        }


def job_of(event: Event, *, job_id: str | None = None, deaths: int = 0) -> Sent:
    """The job of an event, as an upstream in another language writes it."""
    event_id = UUID(event["event_id"])
    return Sent(job_id or str(event_id), encode_job(json_of(event)), event_id, deaths)


def json_of(event: Event) -> bytes:
    """The event as JSON."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def ids_of(events: Iterable[Event]) -> tuple[UUID, ...]:
    """The ids of events."""
    return tuple(UUID(event["event_id"]) for event in events)


def without_user(event: Event) -> Event:
    """The same without `user_id`."""
    return {name: event[name] for name in event if name != "user_id"}


def instant(moment: datetime) -> str:
    """A moment as an event holds it."""
    return moment.isoformat().replace("+00:00", "Z")


def _unknown_field(event: Event) -> Event:
    return event | {"campaign": "autumn"}


def _comma(event: Event) -> Event:
    return event | {"ltv_amount": event["ltv_amount"].replace(".", ",")}


def _renamed(event: Event) -> Event:
    return {("bubbles" if name == "final_bubbles" else name): event[name] for name in event}


def _score_as_text(event: Event) -> Event:
    return event | {"quality_score": f"{event['quality_score']} of 5"}


def _wrong_status(event: Event) -> Event:
    return event | {"customer_status": "VIP"}


def _wrong_score(event: Event) -> Event:
    return event | {"quality_score": 9}


FAULTS: Final[dict[str, Callable[[Event], Event]]] = {
    "writes the amount with a comma": _comma,
    "sends a field `campaign` that the contract does not know": _unknown_field,
    "calls `final_bubbles` `bubbles`": _renamed,
    "writes the score as a text, such as `4 of 5`": _score_as_text,
}
"""What a bad release does; seeds take them in turn."""
OUTBOX_FAULTS: Final[dict[str, Callable[[Event], Event]]] = {
    "the status `VIP`": _wrong_status,
    "the score 9": _wrong_score,
}
"""What a plugin writes into the outbox; likewise."""
