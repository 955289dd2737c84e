"""The effect of an action on proposals: what it changes, and what it leaves out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from signoff_insight.transitions.choosing import Choice
from signoff_insight.transitions.evaluation import expects_too_little
from signoff_insight.transitions.obstacles import Obstacle, ObstacleKind
from signoff_insight.transitions.rule import GIVEN_UP

MOST_LISTED: Final = 100
"""Proposals that are left out and are named; the others are counted."""
MOST_NAMED: Final = 20
"""Customers whose status changes and who are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Move:
    """So many customers go from one status to another by a rule."""

    rule: str
    from_status: str
    to_status: str
    customers: int


@dataclass(frozen=True, slots=True)
class Change:
    """What an approval does to one customer."""

    id: UUID
    """That of the proposal."""
    rule: str
    user_id: str
    from_status: str
    to_status: str
    ltv_usd: Decimal | None
    """The customer's LTV now."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A proposal about which nothing was done, and why."""

    id: UUID
    obstacle: Obstacle
    rule: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What an action on proposals did."""

    choice: Choice
    """Exactly what it was about."""
    changed: int
    """Proposals."""
    obstacles: Mapping[ObstacleKind, int]
    """How many were left out, by why."""
    left_out: tuple[LeftOut, ...]
    """The first `MOST_LISTED` of them."""
    stopped_because: str | None
    """Why the rest of them was not looked at; None if all were."""

    @property
    def left_out_in_all(self) -> int:
        """Proposals about which nothing was done."""
        return sum(self.obstacles.values())


@dataclass(frozen=True, slots=True)
class Effect(Changed):
    """What approving proposals changes; `changed` are those that are approved."""

    moves: tuple[Move, ...]
    """How many customers go where."""
    first: tuple[Change, ...]
    """The first `MOST_NAMED` of these customers."""
    ltv_usd: Decimal
    """The LTV of these customers now."""
    expected_revenue_usd: Decimal
    """What they were expected to spend, as far as the forecast knows them."""
    expected_returns: float
    """How many of them were expected to return, likewise."""
    without_forecast: int
    """How many of them the forecast does not know: they never bought, or it could not be fitted."""
    returns_of_similar: float
    """How many of them would return if they did as customers like them did before."""
    with_similar: int
    """How many of them had customers like them."""
    frequent: int
    """How many of them buy frequently and are given up: the forecast expects too little of them."""
    held_up: tuple[UUID, ...]
    """All that are left out and might be approved later."""

    @property
    def approvable(self) -> Choice:
        """The choice without what is held up: that is not approved later unseen."""
        if self.choice.rule is not None:
            return replace(self.choice, besides=self.held_up)
        return Choice.of_ids(*(e for e in self.choice.ids if e not in frozenset(self.held_up)))

    @property
    def held_up_digest(self) -> str:
        """Stands for `held_up`: another one tells that other proposals are held up."""
        return digest_of(self.held_up)

    @property
    def outdated(self) -> int:
        """How many are outdated: their customers changed since they were proposed."""
        return sum(number for kind, number in self.obstacles.items() if kind.outdates)


def digest_of(ids: Iterable[UUID]) -> str:
    """A text of one length that stands for these ids, in any order."""
    return sha256(b"".join(sorted(each.bytes for each in ids))).hexdigest()


@dataclass(slots=True)
class Tally:
    """Counts the effect, batch by batch."""

    changed: int = 0
    obstacles: Counter[ObstacleKind] = field(default_factory=Counter)
    left_out: list[LeftOut] = field(default_factory=list)
    held_up: list[UUID] = field(default_factory=list)
    first: list[Change] = field(default_factory=list)
    stopped_because: str | None = None
    users: set[str] = field(default_factory=set)
    """The customers whose status changes."""
    _moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _ltv: Decimal = Decimal(0)
    _revenue: Decimal = Decimal(0)
    _returns: float = 0.0
    _unknown: int = 0
    _returns_of_similar: float = 0.0
    _with_similar: int = 0
    _frequent: int = 0

    @property
    def seen(self) -> int:
        """Proposals that were looked at."""
        return self.changed + self.obstacles.total()

    def leave_out(self, left: LeftOut) -> None:
        """Count one about which nothing is done."""
        self.obstacles[left.obstacle.kind] += 1
        if left.obstacle.kind.holds_up:
            self.held_up.append(left.id)
        if len(self.left_out) < MOST_LISTED:
            self.left_out.append(left)

    def count(self, row: Any) -> None:  # noqa: ANN401 -- a row of the statement
        """Count one that is approved."""
        self.changed += 1
        self.users.add(row.user_id)
        self._moves[row.rule, row.from_status, row.to_status] += 1
        if len(self.first) < MOST_NAMED:
            change = (row.id, row.rule, row.user_id, row.from_status, row.to_status, row.ltv_usd)
            self.first.append(Change(*change))
        self._ltv += row.ltv_usd or 0
        chance = row.evidence.get("return_probability")
        self._returns += chance or 0.0
        self._unknown += chance is None
        self._revenue += Decimal(row.evidence.get("expected_revenue_usd") or 0)
        similar = row.evidence.get("similar")
        if similar and similar["customers"]:
            self._with_similar += 1
            self._returns_of_similar += similar["returned"] / similar["customers"]
        self._frequent += expects_too_little(
            row.evidence.get("purchase_days", 0),
            gives_up=row.to_status in GIVEN_UP,
            has_revenue=row.evidence.get("expected_revenue_usd") is not None,
        )

    def done(self, choice: Choice) -> Changed:
        """What was done."""
        return Changed(
            choice, self.changed, dict(self.obstacles), tuple(self.left_out), self.stopped_because
        )

    def effect(self, choice: Choice) -> Effect:
        """The effect of what was approved."""
        moves = sorted(self._moves.items())
        return Effect(
            choice,
            self.changed,
            dict(self.obstacles),
            tuple(self.left_out),
            self.stopped_because,
            tuple(Move(*move, customers) for move, customers in moves),
            tuple(self.first),
            self._ltv,
            self._revenue,
            self._returns,
            self._unknown,
            self._returns_of_similar,
            self._with_similar,
            self._frequent,
            tuple(self.held_up),
        )
