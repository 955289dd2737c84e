"""Which of the customers that rules pick are proposed: who is new, not held, and silent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement
from signoff_insight.transitions.obstacles import ObstacleKind
from signoff_insight.transitions.picking import Pick
from signoff_insight.transitions.proposals import PACKAGE
from signoff_insight.transitions.rules import Rule

_BATCH: Final = 500


@dataclass(slots=True)
class RuleResult:
    """What a run did with one rule."""

    rule: Rule
    why_not_automatic: str | None = None
    """Why it only proposes, though its mode is automatic."""
    matched: int = 0
    """Customers that it picks."""
    known: int = 0
    """Those of them about whom it proposed something on this evidence before."""
    held: int = 0
    """Those to whom a person gave a status not long ago."""
    left_out: Counter[ObstacleKind] = field(default_factory=Counter)
    """Those who are not silent, or have changed, by why."""
    capped: int = 0
    """Those that are more than the cap."""
    proposed: int = 0
    decided: int = 0
    """Those about whom it decided itself."""
    for_a_person: int = 0
    """Those that it leaves to people, though its mode is automatic."""

    @property
    def is_automatic(self) -> bool:
        """Whether it may decide itself."""
        return self.rule.mode == "automatic" and self.why_not_automatic is None

    @property
    def data(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {
            "version": self.rule.version,
            "mode": self.rule.mode,
            "matched": self.matched,
            "known": self.known,
            "held": self.held,
            "left_out": {str(kind): number for kind, number in sorted(self.left_out.items())},
            "capped": self.capped,
            "proposed": self.proposed,
            "decided": self.decided,
            "for_a_person": self.for_a_person,
            "why_not_automatic": self.why_not_automatic,
        }


@dataclass(slots=True)
class Candidates:
    """The customers that a run proposes, in order; counts all others by why they are not."""

    at: datetime
    results: dict[str, RuleResult]
    """By the name of the rule."""
    new: list[Pick] = field(default_factory=list)
    """Those that are proposed."""
    waiting: list[tuple[Pick, UUID]] = field(default_factory=list)
    """Those about whom this version of the rule proposed the same before, and nobody decided."""
    outdated: Counter[str] = field(default_factory=Counter)
    """Open proposals that were closed, by rule, since their customers changed."""
    _taken: Counter[str] = field(default_factory=Counter)

    def take(self, connection: Connection[TupleRow], picks: Iterable[Pick]) -> None:
        """Look at all picks, some at a time; `connection` is not the one that they come from."""
        for some in _batches(iter(picks)):
            self._take_some(connection, [pick for pick in some if not self._is_held(pick)])

    def _is_held(self, pick: Pick) -> bool:
        """Whether a person gave the customer a status not long before."""
        result = self.results[pick.rule.name]
        result.matched += 1
        given = pick.standing.last_human_status_at
        held = given is not None and self.at - given < timedelta(days=pick.rule.hold_days)
        result.held += held
        return held

    def _take_some(self, connection: Connection[TupleRow], picks: Sequence[Pick]) -> None:
        """Take those about whom nothing was proposed on this evidence, up to the cap."""
        fresh = list(self._unknown(connection, picks))
        looked_at = [pick for pick in fresh if self._has_room(pick.rule)]
        obstacles = _obstacles(connection, looked_at)
        for pick in fresh:
            result = self.results[pick.rule.name]
            if not self._has_room(pick.rule):
                result.capped += 1
            elif obstacle := obstacles.get(_key(pick)):
                result.left_out[obstacle] += 1
            else:
                self._taken[pick.rule.name] += 1
                self.new.append(pick)

    def _unknown(self, connection: Connection[TupleRow], picks: Sequence[Pick]) -> Iterator[Pick]:
        """Those that were not proposed before; notes those that wait since then."""
        waiting = _proposed_before(connection, picks)
        for pick in picks:
            if _key(pick) not in waiting:
                yield pick
                continue
            self.results[pick.rule.name].known += 1
            if proposal_id := waiting[_key(pick)]:
                self.waiting.append((pick, proposal_id))

    def _has_room(self, rule: Rule) -> bool:
        return self._taken[rule.name] < rule.cap


def _batches(picks: Iterator[Pick]) -> Iterator[list[Pick]]:
    while some := list(islice(picks, _BATCH)):
        yield some


def _key(pick: Pick) -> tuple[str, str]:
    return pick.rule.name, pick.standing.user_id


def _proposed_before(
    connection: Connection[TupleRow], picks: Sequence[Pick]
) -> dict[tuple[str, str], UUID | None]:
    """Those that were proposed on this evidence: the proposal if it waits in this version."""
    parameters = {
        "rules": [pick.rule.name for pick in picks],
        "versions": [pick.rule.version for pick in picks],
        "users": [pick.standing.user_id for pick in picks],
        "evidence": [pick.standing.evidence_event for pick in picks],
    }
    rows = connection.execute(statement("transitions/known", PACKAGE), parameters)
    return {(rule, user): waiting for rule, user, waiting in rows.fetchall()}


def _obstacles(
    connection: Connection[TupleRow], picks: Sequence[Pick]
) -> dict[tuple[str, str], ObstacleKind]:
    """What is in the way of each, as in `signoff_transition_obstacle`."""
    parameters = {
        "rules": [pick.rule.name for pick in picks],
        "users": [pick.standing.user_id for pick in picks],
        "known": [pick.standing.rests_on for pick in picks],
        "statuses": [pick.standing.customer_status for pick in picks],
    }
    rows = connection.execute(statement("transitions/obstacles", PACKAGE), parameters)
    return {(rule, user): ObstacleKind(kind) for rule, user, kind in rows.fetchall()}
