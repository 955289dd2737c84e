"""`signoff dlq export`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TextIO

import typer

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
from signoff_cli.dlq.letters import as_data
from signoff_cli.dlq.list import States, pages
from signoff_cli.errors import UsageError
from signoff_cli.terminal import complain
from signoff_db.read_connection import database_of
from signoff_db.reading import snapshot
from signoff_ops.services import load_settings
from signoff_schemas import DeadLetterState
from signoff_schemas.wording import count, json_default


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
    output: Annotated[Path | None, typer.Option(help="Write to this file.", dir_okay=False)] = None,
) -> None:
    """Write dead letters as JSON lines, the newest first.

    Each line holds `payload` as text, or `payload_base64` where it is no text. Events to publish
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
        states=tuple(str(one) for one in state or [DeadLetterState.DEAD]),
    )  # fmt: skip
    written = 0
    with (
        database_of(load_settings()) as connection,
        snapshot(connection),
        _target(output) as target,
    ):
        for letter in pages(connection, selection, None):
            line = json.dumps(as_data(letter), ensure_ascii=False, default=json_default)
            target.write(f"{line}\n")
            written += 1
    complain(f"Exported {count(written, 'dead letter')}.")


@contextmanager
def _target(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield typer.get_text_stream("stdout")
        return
    try:
        opened = output.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--output {output} cannot be written: {error.strerror}") from None
    with opened:
        yield opened
