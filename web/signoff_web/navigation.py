"""The pages that the header leads to.

The header has three groups. *Pages* are those on which somebody works: the desk, the team, users.
The second group, *Operations*, is the console. Whoever may read may open each page of the console,
but its links would only be in the way of people whose work is the desk. So the group is shown to
those who may read and either may operate too, or do not review: operators, viewers, administrators.
The third group, *Insight*, is for whoever may read and does not review alone: what the ledger
means, and the transitions that follow from it.
"""

from dataclasses import dataclass
from typing import Final

from signoff_ops.insight import views
from signoff_schemas.access import Identity, Scope


@dataclass(frozen=True, slots=True)
class Link:
    """A page of the header, for whoever has the scope."""

    text: str
    path: str
    scope: Scope = Scope.READ


LINKS: Final[tuple[Link, ...]] = (
    Link("Desk", "/desk", Scope.REVIEW),
    Link("Team", "/desk/team", Scope.OPERATE),
    Link("Users", "/admin/users", Scope.ADMIN),
)
OPERATIONS: Final[tuple[Link, ...]] = (
    Link("Health", "/"),
    Link("Causes", "/ops/causes"),
    Link("Dead letters", "/ops/dead"),
    Link("Replays", "/ops/replays"),
    Link("Workers", "/ops/workers"),
    Link("Outbox", "/ops/outbox"),
    Link("Audit", "/audit"),
)
_ALWAYS: Final[tuple[Link, ...]] = (
    Link("Insight", "/insight"),
    Link("Transitions", "/transitions"),
)
INSIGHT: Final[tuple[Link, ...]] = (
    *_ALWAYS,
    *(Link(view.title, f"/insight/{view.name}") for view in views()),
)
_PATHS: Final = tuple(link.path for link in (*LINKS, *OPERATIONS, *INSIGHT))
_REVIEWS_ALONE: Final = frozenset({Scope.READ, Scope.REVIEW})


def links_of(identity: Identity | None) -> list[Link]:
    """The links to where somebody works; none if nobody is signed in."""
    return [link for link in LINKS if identity is not None and link.scope in identity.scopes]


def operations_of(identity: Identity | None) -> list[Link]:
    """The links to the console, for whom it is meant (see above)."""
    if identity is None or Scope.READ not in identity.scopes:
        return []
    is_meant = Scope.OPERATE in identity.scopes or Scope.REVIEW not in identity.scopes
    return list(OPERATIONS) if is_meant else []


def insight_of(identity: Identity | None, path: str) -> list[Link]:
    """The links to what the ledger means, for whom they are meant (see above).

    On a page of this group these are all of its pages; on others the first two, which lead to them.
    """
    if identity is None or Scope.READ not in identity.scopes or identity.scopes == _REVIEWS_ALONE:
        return []
    is_within = any(path == one.path or path.startswith(f"{one.path}/") for one in _ALWAYS)
    return list(INSIGHT if is_within else _ALWAYS)


def current_of(path: str) -> str | None:
    """The path of the link that a page belongs to: the longest one that its own path begins with.

    `/ops/dead/17` belongs to `/ops/dead`; a page of no link, such as `/account`, to none.
    """
    fitting = [one for one in _PATHS if path == one or (one != "/" and path.startswith(f"{one}/"))]
    return max(fitting, key=len, default=None)
