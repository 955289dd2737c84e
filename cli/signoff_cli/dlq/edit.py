"""`signoff dlq edit`: correct an event, in an editor or by fields, and apply it."""

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Annotated

import typer

from signoff_cli.dlq.acting import Actor, DryRun, Reason, actor_of
from signoff_cli.dlq.editor import edited_text, require_terminal
from signoff_cli.dlq.letters import absence
from signoff_cli.dlq.show import LetterId
from signoff_cli.errors import UsageError
from signoff_cli.terminal import AsJson, Yes, cell, complain, confirm, say, show_json
from signoff_ops import operating
from signoff_ops.editing import NotDeadError, letter_to_edit, set_fields
from signoff_ops.letter_text import json_or_text, readable
from signoff_ops.operating import Operator
from signoff_ops.servers import DirectServers, Servers
from signoff_ops.services import load_settings
from signoff_ops.values import Edited, FullLetter, NoSuchLetterError
from signoff_schemas import InvalidEvent
from signoff_schemas.wording import json_text

Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Set a field instead of opening an editor; the value is JSON, else text. Repeatable.",
    ),
]


def edit(
    letter_id: LetterId,
    *,
    reason: Reason,
    assignments: Assignments = None,
    dry_run: DryRun = False,
    actor: Actor = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Correct a dead letter's event and apply it.

    Opens $VISUAL or $EDITOR unless --set is given. The event keeps its event_id. Unless the event
    applies, nothing changes. Exit 1 if it is refused, or not dead.
    """
    if not assignments:
        require_terminal()
    servers = DirectServers(load_settings())
    full = _dead(servers, letter_id)
    payload = _assigned(full, assignments) if assignments else _written(full)
    operator = Operator(actor_of(actor), reason, dry_run=True)
    outcome = _tried(servers, letter_id, payload, operator)
    if not as_json:
        _show(outcome)
    if outcome.message is None and not dry_run:
        confirm("Apply it?", yes=yes)
        outcome = _tried(servers, letter_id, payload, replace(operator, dry_run=False))
    _conclude(outcome, dry_run=dry_run, as_json=as_json)


def _dead(servers: Servers, letter_id: int) -> FullLetter:
    try:
        return letter_to_edit(servers, letter_id)
    except NotDeadError as error:
        complain(absence(error.letter_id, error.state))
        raise typer.Exit(1) from None


def _assigned(full: FullLetter, assignments: list[str]) -> bytes:
    """The event with fields set; all others stay as they are written."""
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment!r}: expected FIELD=VALUE")
        values[name] = json_or_text(text)
    return set_fields(full, values)


def _written(full: FullLetter) -> bytes:
    """The event as it was left in the editor."""
    before = readable(full.payload)
    after = edited_text(before)
    if after == before:
        complain("Nothing was changed.")
        raise typer.Exit(1)
    return after.encode()


def _tried(servers: Servers, letter_id: int, payload: bytes, operator: Operator) -> Edited:
    try:
        return operating.edit(servers, letter_id, payload, operator)
    except InvalidEvent as error:
        complain(f"Refused, nothing was changed: {error}")
        raise typer.Exit(1) from None
    except NoSuchLetterError:  # somebody else has settled it meanwhile
        _dead(servers, letter_id)
        raise


def _show(outcome: Edited) -> None:
    for field, old, new in outcome.difference:
        if old is not None:
            say(f"- {field}: {_as_text(old)}", style="red")
        if new is not None:
            say(f"+ {field}: {_as_text(new)}", style="green")
    before, after = (
        f"{balance.customer_status} {cell(balance.ltv_usd)}" if balance else "not in Postgres"
        for balance in (outcome.before, outcome.after)
    )
    if outcome.message is None:
        of_customer = outcome.event_type == "status_decision"
        whose = "the customer" if of_customer else "the interaction"
        say(f"It would be {outcome.result}; {whose}: {before} → {after}.")


def _as_text(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else json_text(value)


def _conclude(outcome: Edited, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        show_json({"dry_run": dry_run, **asdict(outcome)})
    elif outcome.message is None:
        say(
            "A dry run, nothing changed."
            if dry_run
            else f"{outcome.result}; the letter is resolved."
        )
    else:
        complain(f"Refused, nothing was changed: {outcome.result}: {outcome.message}")
    if outcome.message is not None:
        raise typer.Exit(1)
