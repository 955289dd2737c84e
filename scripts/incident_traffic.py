"""What upstreams send during an incident, from a seed: sound events, and all troubles at once.

The same seed, number and start give the same traffic. Nothing here reaches a server.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from incident_events import (
    FAULTS,
    OUTBOX_FAULTS,
    Customers,
    ids_of,
    instant,
    job_of,
    without_user,
)
from incident_model import Event, Incident, Planted, Row, Sent, Trouble
from incident_strays import applied_attacks, strays

SERVICES: Final = (
    *("checkout", "chat-web", "chat-mobile", "crm-sync", "loyalty"),
    *("media-import", "partner-api", "gateway-eu"),
)
"""The upstreams; each event names its own in `cta_data`. The first two of a seed are sound."""
MINUTES: Final = 10
"""So long upstreams go on sending after the start."""
LIVE: Final = 0.05
"""The events that they send then, as a part of the queue."""
DEATHS: Final = 4
"""Of workers that held an event; one more than `SIGNOFF_MAX_REDELIVERIES` allows."""
FEWEST: Final = 6
"""The fewest events of a trouble, however short the queue is."""
_NEVER: Final = 3
"""Events whose interaction never comes."""


_SHARES: Final = {
    Trouble.BAD_RELEASE: 0.08,
    Trouble.MISSING_ROWS: 0.03,
    Trouble.CRASH_LOOP: 0.0012,
    Trouble.SLOW_CLOCK: 0.02,
    Trouble.REUSED_IDS: 0.0025,
    Trouble.OUTBOX: 0.0008,
}
"""The events of each trouble, as parts of the queue; the seed changes them by a third."""


def incident(seed: int, events: int, start: datetime) -> Incident:
    """The incident of a seed with this many jobs on the queue, which begins at `start`."""
    made = _Incident(seed, events, start)
    return Incident(
        backlog=tuple(made.backlog()),
        sound=tuple(made.sound),
        live=tuple(sorted(made.live, key=lambda sent: sent[0])),
        mended=tuple(made.mended),
        mended_at=made.mended_at,
        rows=tuple(made.rows),
        rows_at=made.rows_at,
        outbox=tuple(made.outbox),
        outbox_mended=tuple(made.outbox_mended),
        outbox_at=made.outbox_at,
        planted=tuple(made.planted),
    )


@dataclass(slots=True)
class _Incident:
    """What is made so far; each trouble is one method."""

    seed: int
    events: int
    start: datetime
    sound: list[UUID] = field(default_factory=list)
    live: list[tuple[float, Sent]] = field(default_factory=list)
    mended: list[Event] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    outbox: list[Event] = field(default_factory=list)
    outbox_mended: list[Event] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    chance: random.Random = field(init=False)
    customers: Customers = field(init=False)
    services: list[str] = field(init=False)
    mended_at: float = field(init=False)
    rows_at: float = field(init=False)
    outbox_at: float = field(init=False)

    def __post_init__(self) -> None:
        self.chance = chance = random.Random(self.seed)
        self.customers = Customers(chance, max(self.events // 8, 10), self.start)
        self.services = chance.sample(SERVICES, len(SERVICES))
        self.mended_at = chance.uniform(3, 5)
        self.rows_at = chance.uniform(2, 4)
        self.outbox_at = chance.uniform(2, 4)

    def backlog(self) -> list[Sent]:
        """All that waits at the start.

        Events that workers died with are at the head, where such jobs go; those that come with an
        id of others at the end, so that the others are applied first.
        """
        among = [
            *self._bad_release(),
            *self._missing_rows(),
            *self._slow_clock(),
            *self._strays(),
        ]
        head = self._crash_loop()
        self._plugin()
        reused = self._count(Trouble.REUSED_IDS)
        attacks = applied_attacks(self.start)
        left = self.events - len(among) - len(head) - len(attacks) - reused
        sound = [*self._sound(max(left, reused)), *attacks]
        self.sound += [sent.event_id for sent in sound if sent.event_id]
        tail = self._reused_ids(sound, reused)
        for sent in among:
            sound.insert(self.chance.randrange(len(sound) // 2, len(sound) + 1), sent)
        later = self._sound(round(self.events * LIVE))
        self.sound += [sent.event_id for sent in later if sent.event_id]
        self._send_later(later, MINUTES)
        return [*head, *sound, *tail]

    def _count(self, trouble: Trouble) -> int:
        share = _SHARES[trouble] * self.chance.uniform(2 / 3, 4 / 3)
        return max(FEWEST, round(self.events * share))

    def _send_later(self, sent: Iterable[Sent], until: float) -> None:
        self.live += [(self.chance.uniform(0, until), one) for one in sent]

    def _sound(self, count: int) -> list[Sent]:
        return [
            job_of(self.customers.event(self.chance.choice(self.services[:2]), n / max(count, 1)))
            for n in range(count)
        ]

    def _some(self, trouble: Trouble) -> tuple[str, list[Event]]:
        """A service that has this trouble, and its events, sound as yet."""
        service = self.services.pop()
        count = self._count(trouble)
        return service, [self.customers.event(service, n / count) for n in range(count)]

    def _bad_release(self) -> list[Sent]:
        """A new release of one service, which breaks the contract until somebody there notices."""
        fault, spoil = list(FAULTS.items())[self.seed % len(FAULTS)]
        service, events = self._some(Trouble.BAD_RELEASE)
        waiting = len(events)
        events += [self.customers.event(service) for _ in range(round(waiting * LIVE))]
        release = f"7.{self.chance.randint(1, 9)}.0"
        for event in events:
            event["cta_data"]["release"] = release
        sent = [job_of(spoil(event)) for event in events]
        self._send_later(sent[waiting:], self.mended_at)
        left = max(2, waiting // 400)
        self.mended += events[left:]
        self._plant(
            Trouble.BAD_RELEASE,
            f"release {release} of {service} {fault}: {len(events):,} events. After "
            f"{self.mended_at:.1f} minutes it publishes all but {left} again, mended, under the "
            "same ids",
            "wait until those are resolved; edit what is left, or discard it with a reason",
            apply=ids_of(self.mended),
            settle=sent[:left],
        )
        return sent[:waiting]

    def _missing_rows(self) -> list[Sent]:
        """Events without a user whose interactions are not there yet; some never come."""
        service, events = self._some(Trouble.MISSING_ROWS)
        self.rows += [
            Row(self.customers.new_id(), f"customer-new-{n:04}", f"{self.chance.randint(0, 40)}.00")
            for n in range(len(events) // 2)
        ]
        for event in events[_NEVER:]:
            event["interaction_id"] = self.chance.choice(self.rows).interaction_id
        for event in events[:_NEVER]:
            event["interaction_id"] = self.customers.new_id()
        sent = [job_of(without_user(event)) for event in events]
        self._plant(
            Trouble.MISSING_ROWS,
            f"{len(events):,} events of {service} name no user, and their interactions are not "
            f"there. After {self.rows_at:.1f} minutes its own job inserts the rows; those of "
            f"{_NEVER} events never come",
            f"a dry run after that: all but {_NEVER} apply; replay; then discard those {_NEVER} "
            "with a reason, or set their user_id",
            apply=ids_of(events[_NEVER:]),
            settle=sent[:_NEVER],
        )
        return sent

    def _crash_loop(self) -> list[Sent]:
        """Events that workers died with, because of what was attached to them."""
        service, events = self._some(Trouble.CRASH_LOOP)
        for event in events:
            event["cta_data"]["attachment"] = "0" * 3000
        self._plant(
            Trouble.CRASH_LOOP,
            f"{DEATHS} workers died with each of {len(events)} events of {service} in hand",
            "the workers of now take them: replay one, then the others",
            apply=ids_of(events),
        )
        return [job_of(event, deaths=DEATHS) for event in events]

    def _slow_clock(self) -> list[Sent]:
        """Events that seem to lie in the future, since the clock of this host is slow."""
        service, events = self._some(Trouble.SLOW_CLOCK)
        for event in events:
            ahead = timedelta(minutes=self.chance.uniform(6, 8))
            event["occurred_at"] = instant(self.start + ahead)
        self._plant(
            Trouble.SLOW_CLOCK,
            f"{len(events):,} events of {service} lie 6 to 8 minutes ahead of this host's clock",
            "from minute 3 on, a dry run shows that all of them apply: replay them",
            apply=ids_of(events),
        )
        return [job_of(event) for event in events]

    def _reused_ids(self, sound: Sequence[Sent], count: int) -> list[Sent]:
        """Other events under the ids of some of the sound ones."""
        service = self.services.pop()
        sent = [
            job_of(
                self.customers.event(service) | {"event_id": str(other.event_id)},
                job_id=f"{service}-{n}",
            )
            for n, other in enumerate(self.chance.sample(sound, count), 1)
        ]
        self._plant(
            Trouble.REUSED_IDS,
            f"{service} gives {count} events the ids of other events, which are applied",
            "it has to publish them under ids of their own; discard these with that as the reason",
            settle=sent,
        )
        return sent

    def _plugin(self) -> None:
        """Rows that a plugin of an upstream inserts into the outbox, past all checks."""
        fault, spoil = list(OUTBOX_FAULTS.items())[self.seed % len(OUTBOX_FAULTS)]
        service, events = self._some(Trouble.OUTBOX)
        self.outbox += [spoil(event) for event in events]
        self.outbox_mended += events
        self._plant(
            Trouble.OUTBOX,
            f"a plugin of {service} wrote {len(events)} events with {fault} into the outbox; the "
            f"queue refuses them. After {self.outbox_at:.1f} minutes {service} mends the rows",
            "requeue them after that",
            apply=ids_of(events),
        )

    def _strays(self) -> list[Sent]:
        sent = strays(self.start)
        self._plant(
            Trouble.STRAY_JOBS,
            f"{len(sent)} jobs of other programs, and of somebody who tries whether a page shows "
            "texts unescaped",
            "discard them with a reason",
            settle=sent,
        )
        return sent

    def _plant(
        self,
        trouble: Trouble,
        what: str,
        right: str,
        *,
        apply: Iterable[UUID] = (),
        settle: Iterable[Sent] = (),
    ) -> None:
        self.planted.append(Planted(trouble, what, right, tuple(apply), tuple(settle)))
