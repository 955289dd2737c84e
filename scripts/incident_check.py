"""Whether an incident is put right: what became of each event, and what is open, and why."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from incident_model import Incident, Planted, Sent
from incident_note import Note
from incident_traffic import incident
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.causes import Groups
from signoff_db.dead_letters import letters_of
from signoff_db.locations import locate_events
from signoff_ops.audit import Audit, audit
from signoff_ops.causes import groups
from signoff_ops.queue_control import pause_of
from signoff_ops.servers import DirectServers, Servers
from signoff_ops.values import Selection
from signoff_schemas import DeadLetterState
from signoff_schemas.keys import JOB_PREFIX
from signoff_schemas.wording import printable

_AT_ONCE: Final = 1000
_CHARACTERS: Final = 200


class Fate(StrEnum):
    """What became of an event."""

    APPLIED = "applied"
    SETTLED = "settled"
    """Nothing sound could be made of it, and its letter is not open any more."""
    OPEN = "open dead letters"
    DISCARDED = "discarded, though they apply"
    ON_QUEUE = "on the queue"
    IN_OUTBOX = "in the outbox"
    TO_COME = "not sent yet"
    LOST = "LOST"


_RIGHT: Final = {Fate.APPLIED, Fate.SETTLED, Fate.TO_COME}


@dataclass(frozen=True, slots=True)
class Checked:
    """The state of an incident."""

    fates: dict[str, Counter[Fate]]
    """By trouble; also those of the sound events."""
    open: Groups
    """The open dead letters by cause."""
    audit: Audit
    paused: bool
    """Whether the queue is paused."""

    @property
    def right(self) -> bool:
        """Whether all that was sent so far is put right."""
        fates = {fate for counted in self.fates.values() for fate in counted}
        settled = fates <= _RIGHT and not self.open.groups
        return settled and self.audit.clean and not self.paused


def check(note: Note) -> int:
    """Say whether a running incident is put right; returns 0 if it is, else 1."""
    found = checked(DirectServers(note.settings), incident(note.seed, note.events, note.start))
    for name, fates in found.fates.items():
        print(f"{name}: {', '.join(f'{count:,} {fate}' for fate, count in fates.items())}")
    for group in found.open.groups:
        message = printable(group.message, limit=_CHARACTERS)
        print(f"open: {group.count:,} {group.kind}: {message}")
    if found.paused:
        print("queue: paused")
    print(f"audit: {'clean' if found.audit.clean else 'NOT CLEAN: see signoff audit'}")
    print("All that was sent so far is put right." if found.right else "Not all is put right yet.")
    return 0 if found.right else 1


def show_solution(of: Incident) -> None:
    """Say what was planted, and what is right to do."""
    for planted in of.planted:
        print(f"{planted.trouble}\n    {planted.what}.\n    Right: {planted.right}.")


def checked(servers: Servers, of: Incident) -> Checked:
    """What became of all events of an incident."""
    with servers.database() as connection:
        find = _Finder(servers, connection, frozenset(sent.job_id for _, sent in of.live))
        fates = {"sound events": find.of_events(of.sound)}
        fates |= {str(planted.trouble): find.of_planted(planted) for planted in of.planted}
    left = groups(servers, Selection())
    return Checked(fates, left, audit(servers), paused=pause_of(servers) is not None)


class _Finder:
    """Finds events in Redis, Postgres and the outbox.

    Redis is read first: an event that a worker settles meanwhile is then found in Postgres.
    """

    def __init__(
        self, servers: Servers, connection: Connection[TupleRow], live: frozenset[str]
    ) -> None:
        """`live` are the jobs that are sent while the incident runs."""
        self._servers = servers
        self._connection = connection
        self._live = live

    def of_planted(self, planted: Planted) -> Counter[Fate]:
        """The fates of the events of one trouble."""
        return self.of_events(planted.apply) + Counter(map(self._of_job, planted.settle))

    def of_events(self, events: Sequence[UUID]) -> Counter[Fate]:
        """The fates of events that are to apply."""
        return Counter(
            fate
            for first in range(0, len(events), _AT_ONCE)
            for fate in self._of_some(events[first : first + _AT_ONCE])
        )

    def _of_some(self, events: Sequence[UUID]) -> Iterator[Fate]:
        queued = self._queued(map(str, events))
        found = locate_events(self._connection, events)
        for event in events:
            states = {letter.state for letter in found.letters.get(event, ())}
            if event in found.ledger:
                yield Fate.APPLIED
            elif str(event) in queued:
                yield Fate.ON_QUEUE
            elif DeadLetterState.DEAD in states:
                yield Fate.OPEN
            else:
                yield Fate.DISCARDED if states else self._elsewhere(event)

    def _of_job(self, sent: Sent) -> Fate:
        """The fate of a job from which nothing sound can be made without a person.

        Where two events have one id, either may be the one that is a letter.
        """
        queued = self._queued([sent.job_id])
        letters = letters_of(self._connection, sent.event_id, sent.job_id)
        if queued:
            return Fate.ON_QUEUE
        if any(letter.state is DeadLetterState.DEAD for letter in letters):
            return Fate.OPEN
        return Fate.SETTLED if letters else self._not_there(sent.job_id)

    def _elsewhere(self, event: UUID) -> Fate:
        with self._servers.outbox() as table:
            if table and table.entry(event):
                return Fate.IN_OUTBOX
        return self._not_there(str(event))

    def _not_there(self, job_id: str) -> Fate:
        return Fate.TO_COME if job_id in self._live else Fate.LOST

    def _queued(self, job_ids: Iterable[str]) -> set[str]:
        """Those that are in Redis."""
        asked = list(job_ids)
        with self._servers.redis() as client, client.pipeline(transaction=False) as pipe:
            for job_id in asked:
                pipe.exists(JOB_PREFIX + job_id)
            return {job_id for job_id, there in zip(asked, pipe.execute(), strict=True) if there}
