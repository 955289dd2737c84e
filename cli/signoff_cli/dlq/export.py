"""`signoff dlq export`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, TextIO

import typer

from signoff_cli.dlq.choosing import (
    All,
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
    deliberate,
)
from signoff_cli.dlq.list import States
from signoff_cli.errors import UsageError
from signoff_cli.terminal import complain
from signoff_ops.dead_letters import export as export_letters
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_schemas import DeadLetterState
from signoff_schemas.private_files import create_private
from signoff_schemas.wording import count


def export(  # noqa: PLR0913 -- one argument an option
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
                since=since, until=until, event=event, event_type=event_type, job=job, text=text,
            ),
            everything=everything,
        ),
        states=tuple(state or [DeadLetterState.DEAD]),
    )  # fmt: skip
    with _target(output) as target:
        written = export_letters(DirectServers(load_settings()), selection, target.write)
    complain(f"Exported {count(written, 'dead letter')}.")


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
