"""The pages of the console, with ids and texts of the filled database."""

from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from deployment import Deployment


class Page(NamedTuple):
    """One page."""

    name: str
    path: str

    @property
    def is_filtered(self) -> bool:
        """Whether it is a page of this list that another entry shows without a filter."""
        return "," in self.name


def pages(deployment: Deployment, operation_id: int) -> list[Page]:
    """All pages; lists also with each of their filters."""
    found = _Found(deployment)
    letter = found.one("SELECT max(id) FROM dead_letters WHERE state = 'dead'")
    fingerprint, user, interaction = found.row(
        "SELECT fingerprint, user_id, interaction_id FROM dead_letters WHERE id = %s", letter
    )
    event = found.one("SELECT event_id FROM approvals LIMIT 1")
    filters = {
        "kind": {"kind": "abandoned"},
        "kind of which there is none": {"kind": "ltv_overflow"},
        "cause": {"fingerprint": fingerprint},
        "event type": {"event_type": "approval"},
        "state": {"state": "discarded"},
        "customer": {"user_id": user},
        "interaction": {"interaction_id": str(interaction)},
        "text that many hold": {"text": "campaign7"},
        "text that none holds": {"text": "there is no such text"},
    }
    dead = [
        Page(f"/ops/dead, {name}", f"/ops/dead?{urlencode(by)}") for name, by in filters.items()
    ]
    return [
        Page("/", "/"),
        Page("/ops/causes", "/ops/causes"),
        Page("/ops/causes/…", f"/ops/causes/{fingerprint}"),
        Page("/ops/dead", "/ops/dead"),
        *dead,
        Page("/ops/dead/…", f"/ops/dead/{letter}"),
        Page("/ops/replays", "/ops/replays"),
        Page("/ops/replays/…", f"/ops/replays/{operation_id}"),
        Page("/ops/workers", "/ops/workers"),
        Page("/ops/outbox", "/ops/outbox"),
        Page("/events/…", f"/events/{event}"),
        Page("/interactions/…", f"/interactions/{interaction}"),
        Page("/customers/…", f"/customers/{quote(str(user), safe='')}"),
        Page("/find, an id", f"/find?{urlencode({'q': str(event)})}"),
        Page("/find, a beginning", "/find?q=old-customer-1"),
        Page("/audit", "/audit"),
        Page("/audit, an actor", f"/audit?{urlencode({'actor': 'user:operator-7'})}"),
        Page("/audit, an action", f"/audit?{urlencode({'action': 'edit'})}"),
        Page("/audit, a letter", f"/audit?{urlencode({'letter': letter})}"),
    ]


class _Found:
    """Asks the database."""

    def __init__(self, deployment: Deployment) -> None:
        self._database = deployment.database

    def row(self, query: str, *parameters: object) -> tuple[Any, ...]:
        """The first row."""
        row = self._database.execute(query.encode(), parameters or None).fetchone()
        assert row
        return row

    def one(self, query: str, *parameters: object) -> Any:
        """The first value of it."""
        return self.row(query, *parameters)[0]
