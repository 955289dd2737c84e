"""The API is as its description says, whatever is sent: Schemathesis makes the requests."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import schemathesis
import web
from approvals import apply_events, approval, decision
from described import description
from hypothesis import HealthCheck, Phase, settings
from jsonschema import Draft202012Validator
from schemathesis import Case
from schemathesis.specs.openapi import checks

from signoff_db.connection import connect_for_batches
from signoff_schemas import Settings
from signoff_schemas.access import Scope
from signoff_web.api.examples import EXAMPLES
from signoff_web.app import create_app

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "web" / "openapi.json"
SLUG = re.compile(r'(?:ProblemError\(\s*\d{3}|Error, \d{3}),\s*"([a-z-]+)"')
"""The end of a problem's type, where it is made."""
REQUESTS = 30
"""Requests to each route; `make check` is to end."""


def test_the_committed_description_is_current() -> None:
    """`make docs` was run after the last change."""
    assert json.loads(COMMITTED.read_text("utf-8")) == json.loads(json.dumps(description()))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation."""
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_each_operation_says_who_may_call_it() -> None:
    """By a key with one scope, or everybody; and each has a name of its own and a summary."""
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    for _, path, operation in operations():
        scopes = [scope for one in operation["security"] for scope in one["key"]]
        assert len(scopes) <= 1, path
        assert set(scopes) <= set(Scope), path
        assert operation["summary"], path


def test_each_operation_describes_its_problems() -> None:
    """Each error is a problem document, and no answer has FastAPI's own shape of an error."""
    for _, path, operation in operations():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], path
    assert "HTTPValidationError" not in json.dumps(description())


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_has_its_shape(name: str) -> None:
    """Without a member that the shape does not name."""
    components = description()["components"]
    shape = components["schemas"][name] | {"additionalProperties": False}
    validator = Draft202012Validator(shape | {"components": components})

    assert [error.message for error in validator.iter_errors(EXAMPLES[name])] == []


def test_each_route_and_problem_is_in_the_docs() -> None:
    """What a program may get as an answer, a person finds in docs/."""
    text = "".join(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md"))
    web_part = ROOT / "web" / "signoff_web"
    modules = [*(web_part / "api").glob("*.py"), *web_part.glob("*.py")]
    sources = "".join(module.read_text("utf-8") for module in modules)
    slugs = set(SLUG.findall(sources))

    assert len(slugs) > 15
    assert [path for path in description()["paths"] if path not in text] == []
    assert sorted(slug for slug in slugs if f"`{slug}`" not in text) == []


class Service(NamedTuple):
    """Where it is, and a key with every scope."""

    url: str
    key: str


@pytest.fixture
def service(redis_url: str, database_url: str) -> Iterator[Service]:
    """A service with some events. It lets nobody follow: a stream has no end."""
    with connect_for_batches(database_url, application="test") as connection:
        apply_events(connection, approval(user_id="ann"), approval(user_id=None), decision())
    loaded = Settings.load(redis_url=redis_url, database_url=database_url, web_followers=0)
    with web.serving(create_app(loaded)) as url:
        yield Service(url, web.key_of(loaded))


@schemathesis.serializer("application/x-ndjson")
def lines(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """A body of lines is text; what is no text is sent as JSON."""
    return (value if isinstance(value, str) else json.dumps(value)).encode(errors="replace")


schema = schemathesis.openapi.from_dict(description())
EXCLUDED: list[Any] = [
    # An event, a cursor, a position has rules that no schema can say.
    checks.positive_data_acceptance,
    # 503 is an answer: see below.
    schemathesis.checks.not_a_server_error,
]


@schema.parametrize()
@settings(
    max_examples=REQUESTS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def test_answers_are_as_described(case: "Case[Any]", service: Service) -> None:
    """No request makes the service fail, and each answer has a status and a shape that is named."""
    answer = case.call_and_validate(
        base_url=service.url,
        headers={"Authorization": f"Bearer {service.key}"},
        excluded_checks=EXCLUDED,
    )
    assert answer.status_code < 500 or answer.status_code == 503
