"""The description of the API (OpenAPI 3.1): of all its routes, with scopes and problems."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from signoff_schemas.access import Scope
from signoff_schemas.json_schema import review_schemas, schema_of
from signoff_web.access import rules_of
from signoff_web.api.answers import refusals
from signoff_web.api.examples import EXAMPLES
from signoff_web.api.models import FeedLine, Problem
from signoff_web.api.review_models import ReviewLine

VERSION: Final = "1"
_REFS: Final = "#/components/schemas/{model}"
_BESIDES_V1: Final = frozenset({"/live", "/ready", "/metrics"})
_EVENTS: Final = {"ApprovalEvent": "approval", "StatusDecision": "status_decision"}
_VALIDATION: Final = ("HTTPValidationError", "ValidationError")
"""FastAPI's own shape of an error, which no route answers with."""
_ABOUT: Final = """\
Publish events, read what became of them, and follow what is applied.

Amounts are strings with two decimal places (US dollars), times are RFC 3339 in UTC. Errors are
problem documents (RFC 9457). Lists are pages: `next`, and the header `Link`, name the next one.
HEAD is answered like GET, without the body. `docs/api.md` explains each route with a command.
"""


def description_of(app: FastAPI) -> dict[str, Any]:
    """The description of an app's API; made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _described([r for r in app.routes if is_documented(r)])
    return app.openapi_schema


def is_documented(route: object) -> bool:
    """Whether it is a route of the API; others are pages for people."""
    return (
        isinstance(route, APIRoute)
        and route.include_in_schema
        and (route.path.startswith("/v1/") or route.path in _BESIDES_V1)
    )


def _described(routes: list[Any]) -> dict[str, Any]:
    document = get_openapi(title="Signoff", version=VERSION, description=_ABOUT, routes=routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _VALIDATION:
        schemas.pop(name, None)
    schemas |= _own_schemas()
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key that `signoff key add NAME --scope SCOPE` printed: `sgn_…`.",
        }
    }
    for route in routes:
        for method in route.methods:
            _complete(document["paths"][route.path_format][method.lower()], route)
    return document


def _own_schemas() -> dict[str, Any]:
    """The problem, a line of the feed, and the events, by the names that routes refer to."""
    pairs = [(model, "serialization") for model in (Problem, FeedLine, ReviewLine)]
    _, found = models_json_schema(pairs, ref_template=_REFS)  # type: ignore[arg-type]
    schemas: dict[str, Any] = found["$defs"]
    for name, event_type in _EVENTS.items():
        schema = schema_of(event_type)
        del schema["$schema"], schema["$id"]
        schemas[name] = schema
    return schemas | review_schemas()


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    """Add what all operations have: who may call it, and the usual problems."""
    (rule,) = rules_of(route)
    operation["operationId"] = route.name
    operation["security"] = [] if rule.scope is None else [{"key": [str(rule.scope)]}]
    takes_something = bool(operation.get("parameters") or operation.get("requestBody"))
    usual = refusals(**_usual(rule.scope, takes_something=takes_something))
    answers = operation["responses"]
    if _is_fastapis(answers.get("422")):
        del answers["422"]
    for status, answer in usual.items():
        answers.setdefault(str(status), answer)
    operation["responses"] = dict(sorted(answers.items()))


def _usual(scope: Scope | None, *, takes_something: bool) -> dict[str, str]:
    found = {"_500": "The service failed, and logged why."}
    if scope is not None:
        found["_401"] = "No key was given, or one that is not valid."
        found["_403"] = f"The key lacks the scope `{scope}`."
        found["_503"] = "A server cannot be reached; try again after `Retry-After` seconds."
    if takes_something:
        found["_422"] = "A parameter or the body is not valid; `errors` names each."
    return found


def _is_fastapis(answer: dict[str, Any] | None) -> bool:
    return answer is not None and "HTTPValidationError" in str(answer)
