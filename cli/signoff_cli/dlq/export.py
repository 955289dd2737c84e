"""`signoff dlq export`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_cli.dlq.choosing import (
    All,
    Fingerprint,
    Ids,
    InteractionId,
    Kinds,
    Since,
    Until,
    User,
    chosen,
    deliberate,
)
from signoff_cli.dlq.list import States
from signoff_cli.errors import UsageError
from signoff_cli.terminal import complain
from signoff_db.dead_letters import FullLetter, list_letters, read_letters
from signoff_db.letter_lines import line_pieces
from signoff_db.pages import follow
from signoff_db.read_connection import database_of
from signoff_db.reading import snapshot
from signoff_db.selection import Selection
from signoff_ops.services import load_settings
from signoff_schemas import DeadLetterState
from signoff_schemas.private_files import create_private
from signoff_schemas.wording import count

_PAGE: Final = 1000


def export(
    ids: Ids = None,
    *,
    kind: Kinds = None,
    fingerprint: Fingerprint = None,
    user: User = None,
    interaction: InteractionId = None,
    since: Since = None,
    until: Until = None,
    state: States = None,
    everything: All = False,
    output: Annotated[
        Path | None, typer.Option(help="Write to this new file.", dir_okay=False)
    ] = None,
) -> None:
    """Write dead letters as JSON lines, the newest first.

    Each line holds `payload` as text, or `payload_base64` where it is no text, or is larger than
    any event. Events to publish
    again are had with: jq -r .payload
    """
    selection = replace(
        deliberate(
            chosen(
                ids=ids, kinds=kind, fingerprint=fingerprint, user=user, interaction=interaction,
                since=since, until=until,
            ),
            everything=everything,
        ),
        states=tuple(state or [DeadLetterState.DEAD]),
    )  # fmt: skip
    written = 0
    with (
        database_of(load_settings()) as connection,
        snapshot(connection),
        _target(output) as target,
    ):
        for full in _letters(connection, selection):
            target.writelines(line_pieces(connection, full))
            written += 1
    complain(f"Exported {count(written, 'dead letter')}.")


def _letters(connection: Connection[TupleRow], selection: Selection) -> Iterator[FullLetter]:
    for page in follow(lambda c: list_letters(connection, selection, limit=_PAGE, cursor=c)):
        yield from read_letters(connection, [letter.id for letter in page.items])


@contextmanager
def _target(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield typer.get_text_stream("stdout")
        return
    try:
        opened = os.fdopen(create_private(output), "w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output {output} cannot be written: {error.strerror}") from None
    with opened:
        yield opened
