"""`signoff operations list | show`."""

from typing import Annotated, Final

import typer

from signoff_cli.dlq.letters import LARGEST_ID
from signoff_cli.dlq.replay import show_replayed
from signoff_cli.options import After, Limit
from signoff_cli.terminal import AsJson, say, say_more, show_fields, show_json, show_table
from signoff_ops.as_data import operation_data
from signoff_ops.operation_text import change_of_ltv, sentence
from signoff_ops.operations import (
    NoSuchOperationError,
    Operation,
    OperationAction,
    operation,
    operations_page,
    runner_note,
)
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_schemas.wording import count

Id = Annotated[int, typer.Argument(metavar="ID", min=1, max=LARGEST_ID, help="Its number.")]
_SHOWN: Final = 20


def list_(
    *,
    action: Annotated[
        OperationAction | None, typer.Option(help="Only those of this action.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List operations, the newest first."""
    servers = DirectServers(load_settings())
    page = operations_page(servers, action=action, limit=limit, cursor=after)
    if as_json:
        items = [operation_data(one) for one in page.items]
        show_json({"operations": items, "next": page.next})
        return
    if not page.items:
        say("There is no operation.")
        return
    show_table(
        ["id", "action", "state", "by", "created at", "letters", "tried", "message"],
        [
            [one.id, _action(one), one.state, one.actor, one.created_at, one.letters, one.tried,
             sentence(one)] for one in page.items
        ],
    )  # fmt: skip
    say_more(page.next, "more operations")


def show(number: Id, *, as_json: AsJson = False) -> None:
    """Show an operation: how far it is, and what it changes."""
    servers = DirectServers(load_settings())
    found = operation(servers, number)
    if found is None:
        raise NoSuchOperationError(f"there is no operation {number}")
    if as_json:
        show_json(operation_data(found))
        return
    say(sentence(found))
    if note := runner_note(servers, found):
        say(note)
    show_fields(
        [
            ("action", _action(found)),
            ("by", found.actor),
            ("reason", found.reason),
            ("letters of operation", found.of_operation),
            ("created at", found.created_at),
            ("started at", found.started_at),
            ("ended at", found.ended_at),
            ("LTV", _ltv(found)),
            *((f"status {name}", f"{held.before:,} → {held.after:,}")
              for name, held in found.effect.statuses.items()),
        ]
    )  # fmt: skip
    if found.effect.causes:
        show_table(
            ["cause", "kind", "letters", "message"],
            [[c.fingerprint, c.kind, c.count, c.message] for c in found.effect.causes[:_SHOWN]],
        )
    if found.results:
        say(f"{count(len(found.results[:_SHOWN]), 'letter')} of those that were tried:")
        show_replayed(found.results[:_SHOWN])


def _action(operation: Operation) -> str:
    return f"{operation.action}, dry run" if operation.dry_run else str(operation.action)


def _ltv(operation: Operation) -> str:
    effect = operation.effect
    return f"{effect.ltv_before:,.2f} → {effect.ltv_after:,.2f} ({change_of_ltv(effect)})"
