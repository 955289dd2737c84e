"""Find what an id belongs to: it may be that of several things."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from signoff_db.history.finding import Known, customers_like, known
from signoff_db.pages import row_id
from signoff_db.reading import snapshot
from signoff_ops.causes import cause
from signoff_ops.event_history import event_history
from signoff_ops.event_view import state_of
from signoff_ops.servers import Servers
from signoff_ops.timeline import Link, Thing
from signoff_ops.unavailable import Unavailable

LONGEST: Final = 1000
"""Characters of an id."""
_MOST_SIMILAR: Final = 10
_SHORTEST_BEGINNING: Final = 2
_FINGERPRINT: Final = re.compile("[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Found:
    """Something that has the id."""

    link: Link
    text: str
    """What is known of it."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found for an id, and where it was looked for."""

    text: str
    """The id, without blanks around it."""
    found: tuple[Found, ...]
    """What has exactly this id."""
    similar: tuple[str, ...]
    """Some customers whose id begins with it."""
    away: dict[str, str]
    """Why a server could not be asked, by its name."""

    @property
    def only(self) -> Link | None:
        """The one thing that has the id; None if that is not certain."""
        if self.away or len(self.found) != 1:
            return None
        return self.found[0].link


LOOKED_AT: Final = (
    "events (queue, outbox, ledger and dead letters, by event_id or job id), interactions, "
    "reviews, customers, the numbers of dead letters, and the fingerprints of open ones and of the "
    "newest 20,000 that were settled"
)
"""Where an id is looked for."""


def find(servers: Servers, text: str) -> Findings:
    """What has this id, in any form; servers that are away are named, not an error."""
    wanted = text.strip()[:LONGEST]
    if not wanted or "\0" in wanted:
        return Findings(wanted.replace("\0", ""), (), (), {})
    unavailable = Unavailable()
    history = event_history(servers, wanted)
    unavailable.reasons.update(history.away)
    found = []
    if history.entries:
        found.append(Found(Link(Thing.EVENT, wanted), state_of(history, servers)))
    in_database = None
    if "postgres" not in history.away:
        in_database = unavailable.collect("postgres", lambda: _in_database(servers, wanted))
    things, similar = in_database or ([], [])
    if in_database and not things and _FINGERPRINT.fullmatch(wanted):
        details = unavailable.collect("postgres", lambda: cause(servers, wanted))
        if details and details.settled:
            things = [Found(Link(Thing.CAUSE, wanted), "Settled dead letters have this cause.")]
    return Findings(wanted, (*found, *things), tuple(similar), unavailable.reasons)


def _in_database(servers: Servers, wanted: str) -> tuple[list[Found], list[str]]:
    id_, number = _uuid(wanted), _number(wanted)
    with servers.database() as connection, snapshot(connection):
        things = known(connection, wanted, id_=id_, number=number)
        found = list(_things(things, wanted, id_, number))
        similar = []
        if len(wanted) >= _SHORTEST_BEGINNING:
            similar = customers_like(connection, wanted, limit=_MOST_SIMILAR)
    return found, similar


def _things(things: Known, wanted: str, id_: UUID | None, number: int | None) -> Iterator[Found]:
    if things.is_interaction or things.is_review or things.is_interaction_of_letter:
        roles = {
            "is in Postgres": things.is_interaction,
            "has a review": things.is_review,
            "has dead letters, open or discarded": things.is_interaction_of_letter,
        }
        yield Found(Link(Thing.INTERACTION, str(id_)), _said(roles))
    if things.is_customer or things.is_customer_of_review or things.is_customer_of_letter:
        roles = {
            "is in Postgres": things.is_customer,
            "has reviews": things.is_customer_of_review,
            "has dead letters, open or discarded": things.is_customer_of_letter,
        }
        yield Found(Link(Thing.CUSTOMER, wanted), _said(roles))
    if things.is_letter:
        yield Found(Link(Thing.LETTER, str(number)), "A dead letter has this number.")
    if things.is_cause:
        yield Found(Link(Thing.CAUSE, wanted), "Open dead letters have this cause.")


def _said(roles: dict[str, bool]) -> str:
    return f"It {', '.join(role for role, fits in roles.items() if fits)}."


def _uuid(text: str) -> UUID | None:
    with suppress(ValueError):
        return UUID(text)
    return None


def _number(text: str) -> int | None:
    """The number of a dead letter, also as `#17`."""
    digits = text.removeprefix("#")
    if digits.isascii() and digits.isdigit():
        with suppress(ValueError):
            return row_id(digits)
    return None
