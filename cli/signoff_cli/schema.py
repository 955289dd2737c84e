"""`signoff schema`."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from signoff_schemas import KINDS


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


def schema_text(event_type: str) -> str:
    """The schema of this kind of event, as it is committed in schemas/."""
    head: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:signoff:{event_type}:1",
    }
    body = KINDS[event_type].model_json_schema()
    return json.dumps(head | body, indent=2, ensure_ascii=False) + "\n"
