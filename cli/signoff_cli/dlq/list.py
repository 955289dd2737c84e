"""`signoff dlq list`."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Annotated, Final

import typer

from signoff_cli.dlq.choosing import (
    Fingerprint,
    Ids,
    InteractionId,
    Kinds,
    Since,
    Until,
    User,
    chosen,
)
from signoff_cli.terminal import AsJson, say, show_json, show_table
from signoff_ops.dead_letters import all_letters, page_of_letters
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import DeadLetter, Page
from signoff_schemas import DeadLetterState

_MOST: Final = 10_000
_MESSAGE: Final = 100
States = Annotated[
    list[DeadLetterState] | None, typer.Option("--state", help="Repeatable; dead if not given.")
]


def list_(  # noqa: PLR0913 -- one argument an option
    ids: Ids = None,
    *,
    kind: Kinds = None,
    fingerprint: Fingerprint = None,
    user: User = None,
    interaction: InteractionId = None,
    since: Since = None,
    until: Until = None,
    state: States = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="The most to list.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="List without a limit.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first; `dlq show` and `dlq export` give their payloads."""
    selection = replace(
        chosen(
            ids=ids, kinds=kind, fingerprint=fingerprint, user=user, interaction=interaction,
            since=since, until=until,
        ),
        states=tuple(state or [DeadLetterState.DEAD]),
    )  # fmt: skip
    servers = DirectServers(load_settings())
    if everything:
        page = Page(tuple(all_letters(servers, selection)), None)
    else:
        page = page_of_letters(servers, selection, limit=limit)
    if as_json:
        show_json([asdict(letter) for letter in page.items])
    else:
        _show(page.items, more=page.next is not None)


def _show(letters: Sequence[DeadLetter], *, more: bool) -> None:
    if not letters:
        say("No dead letter matches.")
        return
    show_table(
        ["id", "last failed", "kind", "event or job", "tries", "state", "message"],
        [
            [
                letter.id,
                letter.last_failed_at,
                letter.kind,
                letter.event_id or letter.job_id,
                letter.attempts,
                letter.state,
                _first(letter.message),
            ]
            for letter in letters
        ],
    )
    if more:
        say("There are more; list them with --limit or --all.")


def _first(message: str) -> str:
    return message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}…"
