"""Why an event was not applied, in words for people: what `apply.sql` says in one."""

from typing import Final

from signoff_db.delivery import Failure
from signoff_schemas import ApprovalEvent, FailureKind

UNWRITABLE: Final = Failure(
    FailureKind.REFUSED_BY_DATABASE,
    "a trigger, rule or policy on interactions keeps the event's row from being written",
    "a trigger, rule or policy on interactions keeps the event's row from being written",
    "unwritable",
)


def failure_of(event: ApprovalEvent, kind: FailureKind, owner: str | None) -> Failure:
    """What the statement's word means, for people; `owner` is the interaction's user.

    Raises:
        ValueError: the statement says no such word.
    """
    interaction = f"interaction {event.interaction_id}"
    match kind:
        case FailureKind.UNKNOWN_INTERACTION:
            text = (
                f"{interaction} is not in Postgres, and the event gives no user_id to create it "
                "with; replay once the interaction is there, or edit a user_id in"
            )
        case FailureKind.USER_MISMATCH:
            return Failure(
                kind,
                f"{interaction} belongs to user {owner!r}, the event names {event.user_id!r}",
                f"{interaction} belongs to another user than the event names",
            )
        case FailureKind.LTV_OVERFLOW:
            text = f"the LTV of {interaction} would exceed 999999.99, the most it can hold"
        case FailureKind.EVENT_CONFLICT:
            text = (
                f"event {event.event_id} is in the ledger with other content; "
                "a new fact needs a new event_id"
            )
        case _:
            raise ValueError(kind)
    return Failure(kind, text, text)
