"""`signoff schema`."""

from enum import StrEnum
from typing import Annotated

import typer

from signoff_schemas.json_schema import schema_text


class EventType(StrEnum):
    """The kinds of events."""

    APPROVAL = "approval"
    STATUS_DECISION = "status_decision"


def schema(
    event_type: Annotated[EventType, typer.Argument(help="The kind of event.")] = (
        EventType.APPROVAL
    ),
) -> None:
    """Print the JSON Schema of a kind of event.

    Some rules cannot be written in a schema; Signoff checks them itself: `occurred_at` at most 5
    minutes ahead, `cta_data` of at most 4096 bytes, and others.
    """
    typer.echo(schema_text(event_type), nl=False)
