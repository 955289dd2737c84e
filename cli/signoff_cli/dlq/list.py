"""`signoff dlq list`."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Final

import typer

from signoff_cli.dlq.choosing import (
    EventId,
    Fingerprint,
    Ids,
    InteractionId,
    JobId,
    Kinds,
    OfType,
    Since,
    Text,
    Until,
    User,
    chosen,
)
from signoff_cli.options import Limit
from signoff_cli.terminal import AsJson, say, show_json_list, show_table
from signoff_ops.dead_letters import all_letters, page_of_letters
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import DeadLetter
from signoff_schemas import DeadLetterState

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
    event: EventId = None,
    event_type: OfType = None,
    job: JobId = None,
    text: Text = None,
    state: States = None,
    limit: Limit = 50,
    everything: Annotated[bool, typer.Option("--all", help="List without a limit.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first; `dlq show` and `dlq export` give their payloads."""
    selection = replace(
        chosen(
            ids=ids, kinds=kind, fingerprint=fingerprint, user=user, interaction=interaction,
            since=since, until=until, event=event, event_type=event_type, job=job, text=text,
        ),
        states=tuple(state or [DeadLetterState.DEAD]),
    )  # fmt: skip
    servers = DirectServers(load_settings())
    if everything:
        _show(all_letters(servers, selection), as_json=as_json)
        return
    page = page_of_letters(servers, selection, limit=limit)
    _show([page.items], as_json=as_json)
    if page.next and not as_json:
        say("There are more; list them with --limit or --all.")


def _show(pages: Iterable[Sequence[DeadLetter]], *, as_json: bool) -> None:
    if as_json:
        show_json_list(asdict(letter) for letters in pages for letter in letters)
        return
    none = True
    for letters in pages:
        if letters:
            _show_page(letters)
            none = False
    if none:
        say("No dead letter matches.")


def _show_page(letters: Sequence[DeadLetter]) -> None:
    show_table(
        ["id", "last failed", "kind", "event type", "event or job", "tries", "state", "message"],
        [
            [
                letter.id,
                letter.last_failed_at,
                letter.kind,
                letter.event_type,
                letter.event_id or letter.job_id,
                letter.attempts,
                letter.state,
                _first(letter.message),
            ]
            for letter in letters
        ],
    )


def _first(message: str) -> str:
    return message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}…"
