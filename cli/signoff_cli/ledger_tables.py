"""Tables that several commands show: applied events, and moves through the funnel."""

from collections.abc import Sequence

from signoff_cli.terminal import say, show_table
from signoff_ops.values import LedgerEntry, Transition


def show_ledger(entries: Sequence[LedgerEntry], *, of_several: bool = False) -> None:
    """Applied events in order of occurrence, each with what its interaction held after it.

    `of_several` says that they are of several interactions, which are then named.
    """
    if not entries:
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
            ]
            for entry in entries
        ],
        title="Ledger",
    )


def show_transitions(moves: Sequence[Transition]) -> None:
    """Changes of the customer's status; a step off the funnel's path is marked."""
    if not moves:
        return
    show_table(
        ["occurred", "from", "to", "on path", "event"],
        [[m.occurred_at, m.from_status, m.to_status, m.on_path, m.event_id] for m in moves],
        title="Transitions",
    )
