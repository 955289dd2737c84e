"""What to tell an upstream about a cause: a text to copy, and the letters to send along."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from signoff_db.causes import Group
from signoff_db.dead_letters import list_letters, read_letters
from signoff_db.letter_lines import line_pieces
from signoff_db.payload_text import fields_of
from signoff_db.preview import payloads_of
from signoff_db.selection import Selection
from signoff_ops.servers import Servers
from signoff_schemas.wording import count, in_utc, printable

MOST_EXPORTED: Final = 10_000
"""The most letters of a cause that are downloaded."""
_MOST_IDS: Final = 20
_MOST_FIELDS: Final = 20
_LONGEST: Final = 200
_PAGE: Final = 500
_OF_ONE_EVENT: Final = frozenset(
    {"event_id", "interaction_id", "user_id", "final_bubbles", "reviewer_notes", "reason"}
)
"""Fields that say nothing about where events come from, or are nobody else's business."""


def report(servers: Servers, group: Group) -> str:
    """A summary of a cause as plain text: message, times, number, event ids, common fields.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    selection = Selection(fingerprint=group.fingerprint, up_to_id=group.sample_id)
    with servers.database() as connection:
        letters = list_letters(connection, selection, limit=_MOST_IDS).items
        payloads = payloads_of(connection, [one.id for one in letters])
    ids = [str(one.event_id) for one in letters if one.event_id]
    common = _common([_flat(one) for one in payloads])
    lines = [
        f"{count(group.count, 'event')} of yours could not be applied by Signoff.",
        f"Cause: {group.fingerprint} ({group.kind})",
        f"Message of the newest: {printable(group.message)}",
        f"First: {in_utc(group.first_failed_at)}",
        f"Last: {in_utc(group.last_failed_at)}",
    ]
    if common:
        lines += [f"The same in the newest {len(payloads)}:"]
        lines += [f"  {printable(name)}: {printable(value)}" for name, value in common.items()]
    if ids:
        lines += ["event_id:" if len(ids) == group.count else f"event_id of the newest {len(ids)}:"]
        lines += [f"  {one}" for one in ids]
    return "\n".join(lines)


def exported(servers: Servers, fingerprint: str) -> Iterator[str]:
    """The newest open letters of a cause as lines of JSON, in pieces.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    selection = Selection(fingerprint=fingerprint)
    with servers.database() as connection:
        left, cursor = MOST_EXPORTED, None
        while left:
            page = list_letters(connection, selection, limit=min(_PAGE, left), cursor=cursor)
            for full in read_letters(connection, [letter.id for letter in page.items]):
                yield from line_pieces(connection, full)
            left -= len(page.items)
            cursor = page.next
            if cursor is None:
                return


def _flat(payload: bytes) -> dict[str, str]:
    """The small values of an event, also those one level down, by their paths."""
    found: dict[str, str] = {}
    for name, value in (fields_of(payload) or {}).items():
        if name in _OF_ONE_EVENT:
            continue
        inner = value.items() if isinstance(value, dict) else ()
        for path, one in ((name, value), *((f"{name}.{key}", each) for key, each in inner)):
            if one is None or isinstance(one, dict | list) or len(path) > _LONGEST:
                continue
            text = str(one).lower() if isinstance(one, bool) else str(one)
            if len(text) <= _LONGEST:
                found[path] = text
    return found


def _common(events: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The values that all of them share; of a single event, nothing is known to be shared."""
    if len(events) < 2:  # noqa: PLR2004
        return {}
    first, *others = events
    shared = (
        (name, value)
        for name, value in first.items()
        if all(one.get(name) == value for one in others)
    )
    return dict(islice(shared, _MOST_FIELDS))
