"""Note the progress of an operation, inside of the transaction that makes it.

So a runner may be killed at any moment: what is noted is what was done. If the runner has lost its
lease, noting fails, and the transaction is rolled back.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.operations.batches import Batch
from signoff_db.operations.effect import Effect, Holders, causes_of
from signoff_db.operations.lease import Claimed, LeaseLostError
from signoff_db.operations.table import result_data
from signoff_db.record_dead_letters import storable
from signoff_db.replay import Tried, recurring
from signoff_db.sql import statement

if TYPE_CHECKING:
    from signoff_db.balances import Balance, Subject

_SAMPLE: Final = 100
"""The results of so many letters are kept."""


class _Held(NamedTuple):
    """What is noted of an operation."""

    effect: dict[str, Any]
    tried_ahead: list[int]
    counted: list[str]
    streak_of: str | None
    streak: int
    results: int


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
        tried: Sequence[Tried],
        gone: Collection[int],
        *,
        locked: Collection[int] = (),
    ) -> None:
        """Note a part of a batch.

        Args:
            batch: what the part belongs to. When all its letters are noted, its place is.
            tried: the letters that were tried.
            gone: letters that were settled by others since they were read.
            locked: letters whose result is not known.

        Raises:
            LeaseLostError: the lease is lost; roll back.
        """
        held = self._hold()
        part = effect_of(tried, frozenset(held.counted))
        part = part.plus(Effect(locked=len(locked), exact=not self._is_cut(batch)))
        known = {*held.tried_ahead, *(one.letter.id for one in tried), *gone, *locked}
        complete = batch.ids <= known
        replayed = [one.replayed for one in tried]
        self.streak = recurring((held.streak_of, held.streak), replayed)
        self._advance(
            tried=len(tried),
            left_out=len(gone) + (batch.gone if complete else 0),
            place=batch.upto if complete else batch.after,
            tried_ahead=sorted(known - batch.ids - batch.already if complete else known),
            counted=_counted(held.counted, tried, batch if complete else None),
            effect=storable(Effect.of_data(held.effect).plus(part).data),
            results=storable([result_data(one) for one in replayed[: _SAMPLE - held.results]])
            if held.results < _SAMPLE
            else None,
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
            results=None,
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


def _counted(before: Sequence[str], tried: Sequence[Tried], complete: Batch | None) -> list[str]:
    """What later events may touch again.

    After a complete batch that is the last group's, if the next batch goes on with it.
    """
    if complete is not None and not complete.continued:
        return []
    subjects = {
        str(one.subject)
        for one in tried
        if one.subject and (complete is None or one.letter.id in complete.continued)
    }
    return sorted({*before, *subjects})


def effect_of(tried: Sequence[Tried], counted: frozenset[str]) -> Effect:
    """The effect of letters that were tried in one transaction.

    `counted` are the interactions and customers that an earlier part has counted already.
    """
    touched: dict[Subject, tuple[Balance | None, Balance | None]] = {
        one.subject: (one.before.get(one.subject), one.after.get(one.subject))
        for one in tried
        if one.subject and one.outcome.verdict is not None
    }
    before, after = Decimal(0), Decimal(0)
    statuses: dict[str, Holders] = {}
    for subject, (held, holds) in touched.items():
        again = str(subject) in counted
        if isinstance(subject, UUID):
            before += Decimal(0) if again or held is None else held.ltv_usd
            after += Decimal(0) if holds is None else holds.ltv_usd
            after -= held.ltv_usd if again and held is not None else Decimal(0)
        if held is not None:
            _add(statuses, held.customer_status, Holders(0, -1) if again else Holders(1, 0))
        if holds is not None:
            _add(statuses, holds.customer_status, Holders(0, 1))
    return Effect(
        Counter(str(one.outcome.result) for one in tried),
        before,
        after,
        statuses,
        causes_of(
            (one.outcome.failure.fingerprint, one.outcome.failure.kind, one.outcome.failure.message)
            for one in tried
            if one.outcome.failure
        ),
    )


def _add(statuses: dict[str, Holders], status: str, more: Holders) -> None:
    statuses[status] = statuses.get(status, Holders()) + more
