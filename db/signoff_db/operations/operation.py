"""What an operation is: a replay or a discard of chosen dead letters, which the service runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from signoff_db.balances import Balance
from signoff_db.operations.effect import Effect
from signoff_db.outcome import VERDICTS
from signoff_db.replay import Replayed
from signoff_schemas import FailureKind
from signoff_schemas.wording import amount_text


class OperationAction(StrEnum):
    """What an operation does with its letters."""

    REPLAY = "replay"
    DISCARD = "discard"


class OperationState(StrEnum):
    """How far an operation is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    """It ended by itself, since one cause of failures recurred."""
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self not in {OperationState.WAITING, OperationState.RUNNING}


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of `operations`."""

    id: int
    action: OperationAction
    dry_run: bool
    state: OperationState
    actor: str
    reason: str | None
    selection: Mapping[str, Any]
    """What was chosen, as JSON holds it; of many ids, only the first."""
    limit: int | None
    rate: float | None
    keep_going: bool
    letters: int
    """How many letters it is about."""
    tried: int
    left_out: int
    """Letters that were settled by others before their turn came."""
    effect: Effect
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    message: str | None
    """Why it failed; who cancelled it."""
    stopped_by: str | None
    """The fingerprint of the cause that recurred too often."""
    of_operation: int | None
    """The operation whose letters it took."""
    held: bool
    """Whether a runner has it now."""
    results: tuple[Replayed, ...] = ()
    """The results of the first 50 letters that failed again, and of the first 50 others; empty in
    lists."""

    @property
    def left(self) -> int:
        """How many letters are left to be tried."""
        return self.letters - self.tried - self.left_out - self.effect.locked

    @classmethod
    def of_row(
        cls,
        *,
        action: str,
        state: str,
        most_letters: int | None,
        effect: dict[str, Any],
        results: list[dict[str, Any]],
        **columns: Any,  # noqa: ANN401 -- as they come
    ) -> Self:
        """One row of a statement that reads operations."""
        return cls(
            action=OperationAction(action),
            state=OperationState(state),
            limit=most_letters,
            effect=Effect.of_data(effect),
            results=tuple(map(result_of_data, results)),
            **columns,
        )


def result_data(result: Replayed) -> dict[str, Any]:
    """The result of a letter as JSON holds it; `result_of_data` reads it."""
    return {
        "letter_id": result.letter_id,
        "event_id": None if result.event_id is None else str(result.event_id),
        "event_type": result.event_type,
        "result": str(result.result),
        "message": result.message,
        "fingerprint": result.fingerprint,
        "before": _balance_data(result.before),
        "after": _balance_data(result.after),
    }


def result_of_data(data: Mapping[str, Any]) -> Replayed:
    """The result of a letter that `result_data` made."""
    found = data["result"]
    return Replayed(
        data["letter_id"],
        None if data["event_id"] is None else UUID(data["event_id"]),
        VERDICTS[found] if found in VERDICTS else FailureKind(found),
        data["message"],
        data["fingerprint"],
        _balance_of_data(data["before"]),
        _balance_of_data(data["after"]),
        data["event_type"],
    )


def _balance_data(balance: Balance | None) -> dict[str, str] | None:
    if balance is None:
        return None
    return {"customer_status": balance.customer_status, "ltv_usd": amount_text(balance.ltv_usd)}


def _balance_of_data(data: Mapping[str, str] | None) -> Balance | None:
    return None if data is None else Balance(data["customer_status"], Decimal(data["ltv_usd"]))
