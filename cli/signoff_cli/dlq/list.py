"""`signoff dlq list`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Final

import typer
from psycopg import Connection
from psycopg.rows import TupleRow

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
from signoff_cli.dlq.letters import as_data
from signoff_cli.terminal import AsJson, say, show_json, show_table
from signoff_db.dead_letters import DeadLetter, Selection, count, list_letters
from signoff_db.read_connection import database_of
from signoff_db.reading import snapshot
from signoff_ops.services import load_settings
from signoff_schemas import DeadLetterState

_PAGE: Final = 1000
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
    limit: Annotated[int, typer.Option(min=1, help="The most to list.")] = 50,
    everything: Annotated[bool, typer.Option("--all", help="List without a limit.")] = False,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the newest first."""
    selection = replace(
        chosen(
            ids=ids, kinds=kind, fingerprint=fingerprint, user=user, interaction=interaction,
            since=since, until=until,
        ),
        states=tuple(str(one) for one in state or [DeadLetterState.DEAD]),
    )  # fmt: skip
    with database_of(load_settings()) as connection, snapshot(connection):
        letters = list(pages(connection, selection, None if everything else limit))
        total = count(connection, selection)
    if as_json:
        show_json([as_data(letter) for letter in letters])
    else:
        _show(letters, total)


def pages(
    connection: Connection[TupleRow], selection: Selection, limit: int | None
) -> Iterator[DeadLetter]:
    """The chosen letters, the newest first, a page at a time."""
    before: int | None = None
    left = limit
    while left is None or left > 0:
        most = _PAGE if left is None else min(_PAGE, left)
        page = list_letters(connection, selection, limit=most, before_id=before)
        yield from page
        if len(page) < most:
            return
        before = page[-1].id
        left = None if left is None else left - len(page)


def _show(letters: Sequence[DeadLetter], total: int) -> None:
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
    if total > len(letters):
        say(f"{total - len(letters):,} more; list them with --limit or --all.")


def _first(message: str) -> str:
    return message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}…"
