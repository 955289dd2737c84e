"""Note the progress of an operation, inside of the transaction that makes it.

So a runner may be killed at any moment: what is noted is what was done. If the runner has lost its
lease, noting fails, and the transaction is rolled back.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.balances import Balance
from signoff_db.operations.batches import Batch
from signoff_db.operations.effect import Effect, Holders, causes_of
from signoff_db.operations.lease import Claimed, LeaseLostError
from signoff_db.operations.operation import result_data
from signoff_db.record_dead_letters import storable
from signoff_db.replay import Tried, recurring
from signoff_db.sql import statement

MOST_FAILURES: Final = 50
"""The results of so many letters that fail again are kept, the first ones."""
MOST_OTHERS: Final = 50
"""The same of the other letters."""
_ZERO: Final = Decimal(0)


class _Held(NamedTuple):
    """What is noted of an operation."""

    effect: dict[str, Any]
    tried_ahead: list[int]
    counted: list[str]
    streak_of: str | None
    streak: int
    failures: int
    """How many results of letters that failed again are kept."""
    results: int
    """How many results are kept."""

    def sample(self, tried: Sequence[Tried]) -> list[Tried]:
        """Those of the letters whose results are to be kept."""
        failed = [one for one in tried if one.outcome.failure]
        others = [one for one in tried if not one.outcome.failure]
        return [
            *failed[: max(0, MOST_FAILURES - self.failures)],
            *others[: max(0, MOST_OTHERS - (self.results - self.failures))],
        ]


class Progress:
    """Notes the progress of one operation."""

    def __init__(self, connection: Connection[TupleRow], claimed: Claimed) -> None:
        self._connection = connection
        self._claimed = claimed
        self.streak = (claimed.streak_of, claimed.streak)
        """The cause of the latest failures in a row, and their number."""

    def note(
        self,
        batch: Batch,
        parts: Sequence[Sequence[Tried]],
        gone: Collection[int],
        *,
        locked: Collection[int] = (),
    ) -> None:
        """Note a part of a batch, or several.

        Args:
            batch: what the parts belong to. When all its letters are noted, its place is.
            parts: the letters that were tried, by the statement that tried them.
            gone: letters that were settled by others since they were read.
            locked: letters whose result is not known.

        Raises:
            LeaseLostError: the lease is lost; roll back.
        """
        held = self._hold()
        tried = list(chain.from_iterable(parts))
        known = {*held.tried_ahead, *(one.letter.id for one in tried), *gone, *locked}
        complete = batch.ids <= known
        if complete:
            known -= batch.ids | batch.already
        goes_on = not complete or bool(batch.continued)
        effect, counted = _summed(parts, held.counted, goes_on=goes_on)
        effect = effect.plus(Effect(locked=len(locked), exact=not self._is_cut(batch)))
        self.streak = recurring((held.streak_of, held.streak), (one.fingerprint for one in tried))
        self._advance(
            tried=len(tried),
            left_out=len(gone) + (batch.gone if complete else 0),
            place=batch.upto if complete else batch.after,
            tried_ahead=sorted(known),
            counted=counted,
            effect=storable(Effect.of_data(held.effect).plus(effect).data),
            results=storable([result_data(one.replayed) for one in held.sample(tried)]),
        )

    def note_discarded(self, after: int, upto: int, discarded: int) -> None:
        """Note how many letters after a place and up to another one were discarded.

        Raises:
            LeaseLostError: the lease is lost; roll back.
        """
        held = self._hold()
        part = Effect({"discarded": discarded} if discarded else {})
        self._advance(
            tried=discarded,
            left_out=upto - after - discarded,
            place=upto,
            tried_ahead=[],
            counted=[],
            effect=storable(Effect.of_data(held.effect).plus(part).data),
            results="[]",
        )

    def _is_cut(self, batch: Batch) -> bool:
        """Whether a dry run tries the letters of one customer in several transactions."""
        return self._claimed.dry_run and bool(batch.continued)

    def _hold(self) -> _Held:
        parameters = {"operation": self._claimed.id, "lease": self._claimed.lease}
        row = self._connection.execute(
            statement("operations/hold"), parameters, prepare=True
        ).fetchone()
        if row is None:
            raise LeaseLostError(f"operation {self._claimed.id} was cancelled or taken")
        return _Held(*row)

    def _advance(self, **noted: object) -> None:
        streak_of, streak = self.streak
        parameters = noted | {
            "operation": self._claimed.id,
            "length": self._claimed.length,
            "streak_of": streak_of,
            "streak": streak,
        }
        self._connection.execute(statement("operations/advance"), parameters, prepare=True)


def _summed(
    parts: Sequence[Sequence[Tried]], counted: Sequence[str], *, goes_on: bool
) -> tuple[Effect, Sequence[str]]:
    """The effect of all parts; and if more follows that may touch the same, what was counted."""
    effect = Effect()
    for part in parts:
        effect = effect.plus(effect_of(part, frozenset(counted)))
        if goes_on or part is not parts[-1]:
            counted = _counted(counted, part)
    return effect, counted if goes_on else []


def _counted(before: Sequence[str], part: Sequence[Tried]) -> list[str]:
    """What the effect has counted: later letters of the batch, or the group, count it no more."""
    subjects = {
        str(one.touched.subject(one.place))
        for one in part
        if one.place is not None and one.outcome.verdict is not None
    }
    return sorted({*before, *subjects})


def effect_of(part: Sequence[Tried], counted: frozenset[str]) -> Effect:
    """The effect of letters that one statement tried.

    `counted` are the interactions and customers that an earlier part has counted already.
    """
    applied = [one for one in part if one.outcome.verdict is not None and one.place is not None]
    changes = [
        _Change(
            one.before[place],
            one.after[place],
            is_interaction=one.touched.is_interaction(place),
            again=bool(counted) and str(one.touched.subject(place)) in counted,
        )
        for place, one in {one.place: one for one in applied}.items()
        if place is not None
    ]
    amounts = [change for change in changes if change.is_interaction]
    already = sum((_ltv(change.before) for change in amounts if change.again), _ZERO)
    return Effect(
        Counter(str(one.outcome.result) for one in part),
        sum((_ltv(change.before) for change in amounts), _ZERO) - already,
        sum((_ltv(change.after) for change in amounts), _ZERO) - already,
        _statuses(changes),
        causes_of(
            (one.outcome.failure.fingerprint, one.outcome.failure.kind, one.outcome.failure.message)
            for one in part
            if one.outcome.failure
        ),
    )


class _Change(NamedTuple):
    """What an interaction or a customer held before and after."""

    before: Balance | None
    after: Balance | None
    is_interaction: bool
    again: bool
    """Whether an earlier part has counted it."""


def _ltv(balance: Balance | None) -> Decimal:
    return _ZERO if balance is None else balance.ltv_usd


def _statuses(changes: Sequence[_Change]) -> dict[str, Holders]:
    before = Counter(c.before.customer_status for c in changes if c.before and not c.again)
    left = Counter(c.before.customer_status for c in changes if c.before and c.again)
    after = Counter(c.after.customer_status for c in changes if c.after)
    names = sorted({*before, *left, *after})
    return {name: Holders(before[name], after[name] - left[name]) for name in names}
