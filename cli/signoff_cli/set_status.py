"""`signoff customer set-status`: publish a status decision."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import typer

from signoff_cli.dlq.acting import Actor, DryRun, ReasonToRead, actor_of
from signoff_cli.dlq.choosing import moment
from signoff_cli.errors import UsageError
from signoff_cli.terminal import AsJson, complain, say, show_json
from signoff_ops.decisions import publish_decision
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_producer import QueueUnavailableError, Receipt
from signoff_schemas import CustomerStatus, StatusDecision


def set_status(  # noqa: PLR0913 -- one argument an option
    user_id: Annotated[str, typer.Argument(metavar="USER_ID", help="The customer's user_id.")],
    status: Annotated[CustomerStatus, typer.Argument(metavar="STATUS", help="The new status.")],
    *,
    reason: ReasonToRead,
    decided_by: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:NAME", help="Who decided, such as user:ann; else user: and the actor."
        ),
    ] = None,
    rests_on: Annotated[
        UUID | None,
        typer.Option(
            metavar="EVENT_ID",
            help="The customer's last event that you know: the decision counts only if none that "
            "gave a status or an amount stands between.",
        ),
    ] = None,
    evidence: Annotated[
        str | None, typer.Option(metavar="JSON", help="What it is based on, a JSON object.")
    ] = None,
    event_id: Annotated[
        UUID | None, typer.Option(help="The decision's own event_id; a new one if not given.")
    ] = None,
    occurred_at: Annotated[
        str | None, typer.Option(metavar="WHEN", help="When it was decided; now if not given.")
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="The customer may be one that Postgres does not know.")
    ] = False,
    dry_run: DryRun = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Set a customer's status: publish a status decision, which workers apply.

    Exit 1 if it conflicts with another event, 2 if the customer is unknown or Redis is unavailable.
    """
    when = datetime.now(UTC) if occurred_at is None else moment(occurred_at, "--occurred-at")
    decision = StatusDecision.parse(
        {
            "event_type": "status_decision",
            "event_id": event_id or uuid4(),
            "occurred_at": when,
            "user_id": user_id,
            "customer_status": status,
            "decided_by": decided_by or f"user:{actor_of(actor)}",
            "reason": reason,
            "evidence": None if evidence is None else _object(evidence),
            "rests_on": rests_on,
        }
    )
    servers = DirectServers(load_settings())
    try:
        receipt = publish_decision(servers, decision, new=new, dry_run=dry_run)
    except QueueUnavailableError:
        complain(
            f"To try again, add --event-id {decision.event_id} --occurred-at {when.isoformat()}: "
            "then it takes effect once, whatever became of this attempt."
        )
        raise
    _tell(decision, receipt, servers.settings.queue, as_json=as_json)
    if receipt is not None and not receipt.ok:
        raise typer.Exit(1)


def _object(text: str) -> Any:  # noqa: ANN401 -- the event checks it
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"--evidence holds {text!r}; expected a JSON object") from None


def _tell(decision: StatusDecision, receipt: Receipt | None, queue: str, *, as_json: bool) -> None:
    if as_json:
        answer = {"answer": receipt.answer, "reason": receipt.reason} if receipt else {}
        event = decision.model_dump(mode="json", exclude_defaults=True)
        show_json({"dry_run": receipt is None, "queue": queue, **answer, "event": event})
    elif receipt is None:
        say(f"A dry run, nothing was published: {decision.canonical_json().decode()}")
    elif receipt.ok:
        say(f"{receipt.answer}: event {receipt.event_id} is on queue {queue}.")
        say(f"What becomes of it: signoff event {receipt.event_id}")
    else:
        complain(f"{receipt.answer}: event {receipt.event_id}: {receipt.reason}")
