"""The API is as its description says, whatever is sent: Schemathesis makes the requests."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import schemathesis
import web
from approvals import apply_events, approval, decision
from described import description
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.strategies import builds
from jsonschema import Draft202012Validator
from processes import DEADLINE
from schemathesis import BaseSchema, Case
from schemathesis.checks import load_all_checks
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
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
REQUESTS = 20
"""Requests to each route; `make check` is to end."""


def test_the_committed_description_is_current() -> None:
    """`make docs` was run after the last change."""
    assert json.loads(COMMITTED.read_text("utf-8")) == description()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_each_operation_says_who_may_call_it() -> None:
    """By a key with one scope, or everybody; and each has a name of its own and a summary."""
    names = [operation["operationId"] for _, _, operation in operations(description())]
    assert len(set(names)) == len(names)
    for _, path, operation in operations(description()):
        scopes = [scope for one in operation["security"] for scope in one["key"]]
        assert len(scopes) <= 1, path
        assert set(scopes) <= set(Scope), path
        assert operation["summary"], path


def test_each_operation_describes_its_problems() -> None:
    """Each error is a problem document, and no answer has FastAPI's own shape of an error."""
    for _, path, operation in operations(description()):
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


CONFIG = schemathesis.Config.from_dict(
    {
        # Schemathesis itself would wait for 10 seconds only.
        "request-timeout": DEADLINE,
        # Each request has the key. Without this setting some count as invalid for lack of it.
        "generation": {"with-security-parameters": False},
    }
)
EXCLUDED: list[Any] = [
    # An event, a cursor, a position has rules that no schema can say.
    checks.positive_data_acceptance,
    # 501 and 503 are answers: see below.
    schemathesis.checks.not_a_server_error,
]


@settings(
    max_examples=REQUESTS,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
def is_as_described(case: "Case[Any]", service: Service) -> None:
    """The answer to a request has a status and a shape that is named."""
    assume([] not in (case.query or {}).values())  # which is not sent
    answer = case.call_and_validate(
        base_url=service.url,
        headers={"Authorization": f"Bearer {service.key}"},
        excluded_checks=EXCLUDED,
    )
    assert answer.status_code < 500 or answer.status_code in {501, 503}


@pytest.fixture(scope="module")
def whole() -> BaseSchema:
    """What Schemathesis reads of the description."""
    load_all_checks()
    return schemathesis.openapi.from_dict(description(), config=CONFIG)


def test_threads_may_use_random_while_a_request_is_built() -> None:
    """The service waits for a random time before it tries again, in a thread of the tests."""

    @given(builds(random.random))
    @settings(max_examples=5)
    def build(value: float) -> None:
        assert 0 <= value < 1

    build()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method.upper(), path)
        for method, path, _ in operations(json.loads(COMMITTED.read_text("utf-8")))
    ],
)
def test_answers_are_as_described(
    method: str, path: str, whole: BaseSchema, service: Service
) -> None:
    """No request makes the service fail, and each answer has a status and a shape that is named.

    To make the requests takes a second. `whole.parametrize` would do it where tests are collected:
    in each process, for all operations.
    """
    requests = build_operation_test(
        config=whole.config,
        operation=whole[path][method],
        test_func=is_as_described,
        given_kwargs={},
        feedback=FeedbackSources(),
    )
    requests(service=service)
