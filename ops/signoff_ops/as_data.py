"""What use cases return, as data for JSON: the same over HTTP and from `--json` of the commands."""

from dataclasses import asdict
from typing import Any

from signoff_ops.causes import CauseDetails
from signoff_ops.customer import CustomerHistory, InteractionHistory
from signoff_ops.dead_letters import LetterHistory
from signoff_ops.event_history import EventHistory
from signoff_ops.letter_text import as_data
from signoff_ops.operation_text import sentence
from signoff_ops.operations import Operation
from signoff_ops.runbook import advice_on, advice_on_cause


def event_data(history: EventHistory) -> dict[str, Any]:
    """The history of an event."""
    return {
        "event_id": history.event_id,
        "known": history.known,
        "history": [asdict(entry) for entry in history.entries],
        "away": history.away,
    }


def customer_data(found: CustomerHistory) -> dict[str, Any]:
    """A customer with a page of its history."""
    listed = found.interactions
    ids = {"interactions": list(listed.items), "interactions_next": listed.next}
    return {**asdict(found.state), **ids, **_history_data(found)}


def interaction_data(found: InteractionHistory) -> dict[str, Any]:
    """An interaction with a page of its history."""
    return {**asdict(found.state), **_history_data(found)}


def letter_data(found: LetterHistory) -> dict[str, Any]:
    """A dead letter with its payload and the operators' actions on it."""
    return {**as_data(found.full), "actions": [asdict(action) for action in found.actions]}


def cause_data(found: CauseDetails) -> dict[str, Any]:
    """A cause with what to do about it; its sample without the payload."""
    open_ = found.cause
    sample = found.sample
    if open_ is not None:
        advice = advice_on_cause(open_.group)
    elif sample is not None:
        named = sample.letter.event_id is not None
        advice = advice_on(sample.letter.kind, sample.detail, named=named)
    else:
        advice = None
    return {
        "fingerprint": found.fingerprint,
        "open": asdict(open_.group) if open_ else None,
        "trend": asdict(open_.trend) if open_ else None,
        "customers": asdict(open_.touched) if open_ else None,
        "advice": asdict(advice) if advice else None,
        "settled": None if found.settled is None else [asdict(one) for one in found.settled],
        "settled_complete": found.settled_complete,
    }


def _history_data(found: CustomerHistory | InteractionHistory) -> dict[str, Any]:
    """The page of a history, in order of occurrence; `next` is of earlier events."""
    return {
        "ledger": [asdict(entry) for entry in reversed(found.ledger.items)],
        "transitions": [asdict(move) for move in found.transitions],
        "next": found.ledger.next,
    }


def operation_data(found: Operation) -> dict[str, Any]:
    """An operation, and a sentence that tells how far it is."""
    return {**asdict(found), "left": found.left, "text": sentence(found)}
