"""What happens, or happened, in an operation, as sentences."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from signoff_db.replay import STREAK
from signoff_ops.operations import Effect, Operation, OperationAction, OperationState
from signoff_schemas import Verdict
from signoff_schemas.wording import count

STOPS_BY_ITSELF: Final = f"after {STREAK} failures of one cause in a row without a success between"
"""When a replay stops by itself, unless it is to keep going."""
_NAMES: Final = {
    "ids": "letters",
    "kinds": "kind",
    "fingerprint": "cause",
    "user_id": "customer",
    "interaction_id": "interaction",
    "event_type": "kind of event",
    "event_id": "event",
    "job_id": "job",
    "text": "with the text",
    "since": "failed since",
    "until": "failed before",
    "up_to_id": "up to letter",
}
"""How the conditions of a selection are called."""
_UNSAID: Final = frozenset({"more_ids", "ids_digest"})
_WITHOUT_STATUS: Final = (Verdict.LATE, Verdict.VOID)
_NEW: Final = (Verdict.APPLIED, *_WITHOUT_STATUS)


def sentence(operation: Operation) -> str:
    """What happens, or happened: one sentence, or a few short ones."""
    return " ".join([_beginning(operation), *_remarks(operation)])


def title(operation: Operation) -> str:
    """What it is, such as `Operation 10: replay of 1,288 letters`."""
    what = _what(operation)
    letters = count(operation.letters, "letter")
    return f"Operation {operation.id}: {what[:1].lower()}{what[1:]} of {letters}"


def level(operation: Operation) -> str:
    """How well it stands: `quiet`, `ok`, `attention` or `trouble`; when done, by its results."""
    match operation.state:
        case OperationState.WAITING | OperationState.CANCELLED:
            return "quiet"
        case OperationState.RUNNING:
            return "attention"
        case OperationState.STOPPED | OperationState.FAILED:
            return "trouble"
        case OperationState.DONE:
            return _level_of_results(operation)


def _level_of_results(operation: Operation) -> str:
    effect = operation.effect
    if operation.letters == operation.left_out:
        return "attention"  # nothing was left to try
    if not effect.resolved and not effect.discarded:
        return "trouble"
    return "attention" if effect.failed or effect.locked else "ok"


def selection_text(selection: Mapping[str, Any]) -> str:
    """What was chosen, such as `kinds unknown_interaction; user_id ann`."""
    if not selection:
        return "all dead letters"
    more = selection.get("more_ids", 0)
    parts = [
        f"{_NAMES.get(name, name)} {_listed(value)}"
        + (f" and {more:,} more" if name == "ids" and more else "")
        for name, value in selection.items()
        if name not in _UNSAID
    ]
    return "; ".join(parts)


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def change_of_ltv(effect: Effect) -> str:
    """By how much the sum of LTV changes, such as `+1,240.00 USD`."""
    return signed(effect.ltv_after - effect.ltv_before)


def signed(amount: Decimal) -> str:
    """An amount with its sign."""
    return f"{amount:+,.2f} USD"


def _beginning(operation: Operation) -> str:
    letters = count(operation.letters, "letter")
    what = _what(operation)
    so_far = f"{operation.tried:,} of {letters} tried"
    results = ", ".join(_results(operation))
    told = f": {results}" if results else ""
    match operation.state:
        case OperationState.WAITING:
            return f"{what} of {letters}: it has not begun."
        case OperationState.RUNNING:
            return f"{what}, {so_far} so far{told}."
        case OperationState.DONE:
            return f"{what} of {letters}{told or ': none was left to try'}."
        case OperationState.CANCELLED:
            return f"{what} cancelled, {so_far}{told}."
        case OperationState.STOPPED:
            return f"{what} stopped by itself, {so_far}{told}."
        case OperationState.FAILED:
            return f"{what} failed, {so_far}{told}."


def _what(operation: Operation) -> str:
    match operation.action, operation.dry_run:
        case OperationAction.REPLAY, True:
            return "Dry run"
        case OperationAction.REPLAY, False:
            return "Replay"
        case _, True:
            return "Dry run of a discard"
        case _:
            return "Discard"


def _results(operation: Operation) -> list[str]:
    effect, would = operation.effect, operation.dry_run
    if not operation.tried:
        return []
    if operation.action is OperationAction.DISCARD:
        verb = "would be discarded" if would else "discarded"
        return [f"{effect.discarded:,} {verb}"]
    applied = sum(effect.counts.get(verdict, 0) for verdict in _NEW)
    parts = [f"{applied:,} {'would apply' if would else 'applied'}"]
    parts += [
        f"{number:,} of them {verdict}"
        for verdict in _WITHOUT_STATUS
        if (number := effect.counts.get(verdict, 0))
    ]
    if duplicates := effect.counts.get(Verdict.DUPLICATE, 0):
        parts.append(f"{duplicates:,} already in the ledger")
    if effect.failed:
        parts.append(f"{effect.failed:,} {'would stay' if would else 'stayed'}")
    parts.append(f"LTV {change_of_ltv(effect)}")
    return parts


def _remarks(operation: Operation) -> list[str]:
    remarks = []
    if operation.left_out:
        were = "was" if operation.left_out == 1 else "were"
        remarks.append(f"{operation.left_out:,} {were} settled by others before.")
    if operation.effect.locked:
        remarks.append(
            f"Of {operation.effect.locked:,} the result is not known: other transactions held "
            "their rows."
        )
    if not operation.effect.exact:
        remarks.append(
            "One customer has more letters than are tried together, so amounts and statuses are "
            "an estimate."
        )
    if operation.stopped_by is not None:
        remarks.append("One cause recurred too often: remove it first, or keep going.")
    if operation.message is not None:
        remarks.append(f"{operation.message[:1].upper()}{operation.message[1:]}.")
    return remarks
