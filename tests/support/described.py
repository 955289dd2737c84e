"""The API's description, and whether answers are as it says."""

import functools
import json
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from signoff_schemas import Settings
from signoff_web.app import create_app
from signoff_web.openapi import description_of


def description() -> dict[str, Any]:
    """The description of the API, as the service makes it; a copy that may be changed."""
    copied: dict[str, Any] = json.loads(_written())
    return copied


@functools.cache
def _written() -> str:
    """It takes a third of a second to make."""
    settings = Settings.load(redis_url="redis://localhost", database_url="postgresql://localhost/x")
    return json.dumps(description_of(create_app(settings)))


def checked(answer: httpx.Response, route: str) -> Any:
    """The answer's JSON, once it is as the description of the route says, without other members."""
    document = description()
    operation = document["paths"][route][answer.request.method.lower()]
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = operation["responses"][str(answer.status_code)]["content"][media_type]["schema"]
    _close(document["components"]["schemas"])
    found = answer.json()
    validator = Draft202012Validator(schema | {"components": document["components"]})
    assert [error.message for error in validator.iter_errors(found)] == []
    return found


def _close(schemas: dict[str, Any]) -> None:
    """Members that the description does not name are errors here; programs have to allow them."""
    for schema in schemas.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
