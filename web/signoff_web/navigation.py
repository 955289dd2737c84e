"""The pages that the header leads to."""

from dataclasses import dataclass
from typing import Final

from signoff_schemas.access import Identity, Scope


@dataclass(frozen=True, slots=True)
class Link:
    """A page of the header, for whoever has the scope."""

    text: str
    path: str
    scope: Scope


LINKS: Final[tuple[Link, ...]] = (
    Link("Desk", "/desk", Scope.REVIEW),
    Link("Team", "/desk/team", Scope.OPERATE),
    Link("Users", "/admin/users", Scope.ADMIN),
)


def links_of(identity: Identity | None) -> list[Link]:
    """The links that somebody sees; none if nobody is signed in."""
    return [link for link in LINKS if identity is not None and link.scope in identity.scopes]
