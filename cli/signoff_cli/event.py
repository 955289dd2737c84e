"""`signoff event`."""

from typing import Annotated, Any

import typer

from signoff_cli.leaving import leave_if_away
from signoff_cli.terminal import AsJson, cell, complain, say, show_json
from signoff_ops.as_data import event_data
from signoff_ops.event_history import EventHistory, Step, event_history
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings


def event(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="The event_id, or a job's id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show the history of one event. Exit 1 if there is none, 2 if a server is unavailable."""
    history = event_history(DirectServers(load_settings()), event_id)
    if as_json:
        show_json(event_data(history))
    elif history.known is not None:
        _show(history)
    leave_if_away(history.away)
    if not history.entries:
        raise typer.Exit(1)


def _show(history: EventHistory) -> None:
    if not history.entries:
        complain(
            f"Event {history.event_id} is unknown: it is not on the queue, not in the ledger, and "
            "no dead letter."
        )
        return
    say(f"Event {history.event_id}", style="bold")
    for entry in history.entries:
        say(f"  {cell(entry.at):<24} {entry.text}")
        if entry.what in {Step.APPLIED, Step.VOID} and entry.facts:
            _show_facts(entry.facts)


def _show_facts(facts: dict[str, Any]) -> None:
    if facts["interaction_id"] is None:
        _show_decision(facts)
        return
    given = f"gave status {cell(facts['given_status'])}, LTV {cell(facts['given_ltv'])}"
    say(f"  {'':<24} occurred {cell(facts['occurred_at'])}, {given}")
    held = f"{facts['customer_status']}, {cell(facts['ltv_usd'])} USD"
    say(f"  {'':<24} the interaction then held {held}")


def _show_decision(facts: dict[str, Any]) -> None:
    says = f"says {facts['user_id']} is {facts['given_status']}"
    say(f"  {'':<24} status decision of {cell(facts['occurred_at'])}, {says}")
    say(f"  {'':<24} by {facts['decided_by']}, because: {facts['reason']}")
    if facts["rests_on"]:
        say(f"  {'':<24} rests on event {facts['rests_on']}")
