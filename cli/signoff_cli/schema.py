"""`signoff schema`."""

import json
from typing import Any, Final

import typer

from signoff_schemas import ApprovalEvent

_ID: Final = "urn:signoff:approval:1"


def schema() -> None:
    """Print the JSON Schema of an approval event.

    It says what a schema can say. `occurred_at` at most 5 minutes ahead, `cta_data` of at most 4096
    bytes and the like are checked by Signoff itself.
    """
    typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    """The schema as it is committed in schemas/approval.schema.json."""
    head: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": _ID,
    }
    body = ApprovalEvent.model_json_schema()
    return json.dumps(head | body, indent=2, ensure_ascii=False) + "\n"
