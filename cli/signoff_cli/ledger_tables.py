"""Tables of several commands: applied events, and changes of status."""

from collections.abc import Sequence

from signoff_cli.terminal import say, say_more, show_table
from signoff_ops.values import LedgerEntry, Page, Transition


def show_ledger(page: Page[LedgerEntry], *, of_several: bool = False) -> None:
    """The ledger's events in order of occurrence, with what an approval's interaction then held.

    `of_several` says that they are of several interactions, which are then named.
    """
    if not page.items:
        say("No event was applied yet.")
        return
    show_table(
        [
            "occurred",
            "event",
            *(["interaction"] if of_several else []),
            "gave status",
            "gave LTV",
            "then status",
            "then LTV",
            "by",
            "effect",
        ],
        [
            [
                entry.occurred_at,
                entry.event_id,
                *([entry.interaction_id] if of_several else []),
                entry.given_status,
                entry.given_ltv,
                entry.customer_status,
                entry.ltv_usd,
                entry.decided_by or entry.reviewer_id,
                _effect(entry),
            ]
            for entry in reversed(page.items)
        ],
        title="Ledger",
    )
    say_more(page.next, "earlier events")


def _effect(entry: LedgerEntry) -> str:
    if entry.void:
        return f"void: {entry.void_because}"
    return "applied, superseded" if entry.status_superseded else "applied"


def show_transitions(moves: Sequence[Transition]) -> None:
    """Changes of the customer's status; a step off the funnel's path is marked."""
    if not moves:
        return
    show_table(
        ["occurred", "from", "to", "on path", "by", "event"],
        [
            [m.occurred_at, m.from_status, m.to_status, m.on_path, m.decided_by, m.event_id]
            for m in moves
        ],
        title="Transitions",
    )
