"""Requests that are refused: in Signoff's words, whatever was sent."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import ValidationError
from pydantic_core import to_json

from signoff_schemas import Settings
from signoff_schemas.invalid import located_problems
from signoff_schemas.phrases import is_known
from signoff_web.api.json_bodies import Body, parsed
from signoff_web.api.operation_models import OperationBody
from signoff_web.api.outbox import RequeueBody
from signoff_web.api.queue import PauseBody, ResumeBody
from signoff_web.app import create_app
from signoff_web.problems import ProblemError

BODIES = (OperationBody, PauseBody, RequeueBody, ResumeBody)
OWN = {"nul", "instant", "not_utf8"}
"""Codes of Signoff's own rules, which say themselves what is allowed."""
TEXTS = (
    *("", " ", "a", "\0", "\u202e", "x" * 5_000, "1", "-1", "1.5", "9" * 30, "nan", "true", "%ff"),
    *("2026-01-31", "2026-02-30", "2026-01-31T10:00", "6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e1"),
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    *(None, True, 0, -1, 7.5, 1e300, 10**30, [], [None], ["a"], [[]], {}, {"a": 1}, ["a"] * 20_000),
)


def parameters(dependant: Dependant) -> Iterator[ModelField]:
    """What a route takes in its path, its query and its headers."""
    for needed in dependant.dependencies:
        yield from parameters(needed)
    yield from (*dependant.path_params, *dependant.query_params, *dependant.header_params)


def test_there_are_words_for_all_that_a_parameter_may_not_hold() -> None:
    """None of them are pydantic's; each problem is of a bounded length and can be seen."""
    app = create_app(Settings.load(redis_url="redis://localhost", database_url="postgresql://x/y"))
    codes = set()
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    for parameter in {
        id(one): one for route in routes for one in parameters(route.dependant)
    }.values():
        for value in (*TEXTS, ["a"], ["1", "x"]):
            _, errors = parameter.validate(value, {}, loc=("query", parameter.alias))
            codes |= {error["type"] for error in errors}
            for _, problem in located_problems(errors):  # type: ignore[arg-type]  # dicts of that form
                assert len(str(problem)) < 1_000
                assert str(problem).isprintable()
    assert len(codes) > 10
    assert {code for code in codes - OWN if not is_known(code)} == set()


@pytest.mark.parametrize("model", BODIES)
def test_there_are_words_for_all_that_a_body_may_not_hold(model: type[Body]) -> None:
    """In each of its members, and beside them."""
    codes = set()
    for name in (*model.model_fields, "other\u202e"):
        for value in VALUES:
            body = to_json({name: value})
            try:
                model.model_validate_json(body)
            except ValidationError as error:
                codes |= {one["type"] for one in error.errors()}
                with pytest.raises(ProblemError) as refused:
                    parsed(model, body)
                assert len(refused.value.detail) < 2_000
                assert refused.value.detail.isprintable()
    assert {code for code in codes - OWN if not is_known(code)} == set()


@pytest.mark.parametrize(
    ("body", "pointer", "detail"),
    [
        (b"{", "", "is not JSON: EOF while parsing an object at line 1 column 1"),
        (b"[1]", "", "must be a JSON object; found [1]"),
        (
            b'{"id": 1}',
            "/id",
            "id is not a field of this request; remove it or check its spelling; found 1",
        ),
        (b'{"ids": ["a"]}', "/ids/0", "ids[0] must be a whole number; found 'a'"),
        (b'{"dry_run": 1}', "/dry_run", "dry_run must be true or false; found 1"),
        (b'{"limit": 0}', "/limit", "limit must be at least 1; found 0"),
        (
            b'{"a/b~": 1}',
            "/a~1b~0",
            "a/b~ is not a field of this request; remove it or check its spelling; found 1",
        ),
    ],
)
def test_a_body_is_refused_in_the_words_of_events(body: bytes, pointer: str, detail: str) -> None:
    """What was wrong, what was found, what is allowed."""
    with pytest.raises(ProblemError) as refused:
        parsed(OperationBody, body)
    (error,) = refused.value.errors
    assert (error["pointer"], error["detail"]) == (pointer, detail)
    assert refused.value.detail == detail
