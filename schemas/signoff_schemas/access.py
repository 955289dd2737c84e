"""Who may do what over HTTP and in the browser: scopes, roles, and whoever acts."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """A right. Every route of the web service needs exactly one, or is open to all."""

    PUBLISH = "publish"
    """Send events, and post replies for review."""
    READ = "read"
    """See events, customers, dead letters and figures."""
    REVIEW = "review"
    """Claim, approve and reject replies."""
    OPERATE = "operate"
    """Act on dead letters, the queue and other people's reviews."""
    ADMIN = "admin"
    """Manage users and keys."""


class Role(StrEnum):
    """What a user is; a user may have several roles, which together give the user's scopes."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    ADMIN = "admin"


SCOPES_OF_ROLE: Final = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.REVIEWER: frozenset({Scope.READ, Scope.REVIEW}),
    Role.OPERATOR: frozenset({Scope.READ, Scope.PUBLISH, Scope.OPERATE}),
    Role.ADMIN: frozenset({Scope.READ, Scope.ADMIN}),
}
"""The scopes that each role gives."""


def scopes_of(roles: Iterable[Role]) -> frozenset[Scope]:
    """The scopes that these roles give together."""
    return frozenset[Scope]().union(*(SCOPES_OF_ROLE[role] for role in roles))


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever sends a request: a signed-in user, or a program with a key."""

    kind: str
    """`user` or `key`."""
    name: str
    """The name of the user or of the key."""
    scopes: frozenset[Scope]
    session: str | None = None
    """The id of the user's session; None for a key."""

    @property
    def actor(self) -> str:
        """How history names it, such as `user:ann` or `key:billing`."""
        return f"{self.kind}:{self.name}"
