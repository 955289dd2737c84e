"""Errors as problem documents (RFC 9457), and as pages where a browser asks for a page."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route

from signoff_ops.errors import (
    ContextsNotComputedError,
    CursorError,
    DatabaseUnavailableError,
    FeedGapError,
    FeedRestoredError,
    InvalidPositionError,
    RapportNotSetError,
    RapportUnavailableError,
    RedisUnavailableError,
    UnknownCustomerError,
)
from signoff_ops.insight_errors import (
    BusyError,
    UnknownTableError,
    UnknownViewError,
    WrongFiltersError,
)
from signoff_ops.operations import (
    KeyUsedError,
    NoSuchOperationError,
    NothingMatchesError,
    OperationEndedError,
    TooManyOperationsError,
    WrongOperationError,
)
from signoff_ops.outbox import NothingRefusedError
from signoff_ops.passwords import TooManyPasswordsError
from signoff_ops.queue_control import InvalidPauseError, QueueNotPausedError, QueuePausedError
from signoff_ops.reviews import (
    ReviewChangedError,
    ReviewConflictError,
    ReviewDecidedError,
    ReviewHeldError,
    TooManyHeldError,
    UndoTooLateError,
    UnknownReviewError,
)
from signoff_ops.values import CutOffError
from signoff_producer import QueueFull, QueueUnavailableError
from signoff_schemas import InvalidEvent, InvalidReview, SettingsError, SignoffError
from signoff_schemas.invalid import Location, Problem, listed, located_problems
from signoff_schemas.wording import json_default, json_text, printable
from signoff_web.head import takes_head
from signoff_web.local_paths import sign_in_path
from signoff_web.problem_types import URN, ProblemType
from signoff_web.security import HEADERS
from signoff_web.templating import page

_LOG: Final = logging.getLogger(__name__)
NOT_SIGNED_IN: Final[ProblemType] = "not-signed-in"
MEDIA_TYPE: Final = "application/problem+json"
_PASSING: Final = frozenset({409, 429, 500, 503})
"""Statuses of problems that may be gone at the next try."""
_LONGEST_PATH: Final = 200
RETRY_AFTER: Final = "5"
"""Seconds after which to try again what an unavailable server prevented."""

_OF_ERRORS: Final[Sequence[tuple[type[SignoffError], int, ProblemType, str]]] = (
    (InvalidReview, 422, "invalid-review", "What was sent breaks the rules of reviews"),
    (InvalidEvent, 422, "invalid-event", "The event breaks the contract"),
    (TooManyPasswordsError, 503, "busy", "The service is busy"),
    (QueueFull, 503, "queue-full", "The queue is full"),
    (QueueUnavailableError, 503, "redis-unavailable", "The queue cannot be reached"),
    (RedisUnavailableError, 503, "redis-unavailable", "The queue cannot be reached"),
    (RapportUnavailableError, 503, "rapport-unavailable", "The second database is unavailable"),
    (RapportNotSetError, 501, "rapport-not-set", "No contexts of customers are kept here"),
    (ContextsNotComputedError, 503, "contexts-not-computed", "Contexts are still computed"),
    (UnknownCustomerError, 404, "unknown-customer", "No such customer"),
    (DatabaseUnavailableError, 503, "postgres-unavailable", "The database cannot be reached"),
    (SettingsError, 503, "wrong-settings", "The service is not set up"),
    (TooManyOperationsError, 503, "too-many-operations", "Too many operations wait or run"),
    (CutOffError, 503, "cut-off", "Looking took too long"),
    (CursorError, 422, "invalid-cursor", "This is no cursor of this list"),
    (InvalidPositionError, 422, "invalid-position", "This is no position of the feed"),
    (FeedRestoredError, 409, "feed-restored", "The database was restored"),
    (FeedGapError, 409, "feed-gap", "Events after this position were detached"),
    (UnknownReviewError, 404, "unknown-review", "There is no such review"),
    (ReviewHeldError, 409, "review-held", "Another reviewer has this review"),
    (TooManyHeldError, 409, "too-many-held", "This reviewer holds too many reviews"),
    (ReviewDecidedError, 409, "review-decided", "The review was decided already"),
    (ReviewChangedError, 409, "review-changed", "The review changed meanwhile"),
    (ReviewConflictError, 409, "review-conflict", "The review has another draft"),
    (NothingMatchesError, 409, "nothing-matches", "No dead letter matches"),
    (NoSuchOperationError, 404, "unknown-operation", "There is no such operation"),
    (OperationEndedError, 409, "operation-ended", "The operation has ended already"),
    (KeyUsedError, 422, "key-used", "The idempotency key belongs to another request"),
    (WrongOperationError, 422, "invalid-operation", "This cannot be an operation"),
    (QueuePausedError, 409, "queue-paused", "The queue is paused already"),
    (QueueNotPausedError, 409, "queue-not-paused", "The queue is not paused"),
    (InvalidPauseError, 422, "invalid-pause", "The queue cannot be paused like this"),
    (NothingRefusedError, 409, "nothing-refused", "No such event is refused"),
    (UndoTooLateError, 409, "undo-too-late", "The decision cannot be undone"),
    (UnknownViewError, 404, "unknown-view", "There is no such view"),
    (UnknownTableError, 404, "unknown-table", "The view has no such table"),
    (WrongFiltersError, 422, "invalid-request", "The request is not valid"),
    (BusyError, 503, "busy", "The service is busy"),
)
"""Errors of use cases: status, type and title of each. The first that fits is taken."""

_OF_STATUSES: Final[Mapping[int, ProblemType]] = {404: "not-found", 405: "method-not-allowed"}
"""What Starlette refuses by itself, by status."""


class ProblemError(Exception):
    """An answer that reports an error."""

    def __init__(
        self,
        status: int,
        slug: ProblemType,
        title: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        """`slug` ends the problem's type; each of `errors` has `pointer` and `detail`.

        `members` stand in the document besides.
        """
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    @property
    def document(self) -> dict[str, Any]:
        """The problem document."""
        document: dict[str, Any] = {
            "type": f"{URN}{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        if self.errors:
            document["errors"] = list(self.errors)
        return document


def pointer(path: str) -> str:
    """The JSON Pointer (RFC 6901) of a path such as `cta_data.items[2]`; empty for the whole."""
    parts = path.replace("]", "").replace("[", ".").split(".") if path else []
    return pointer_of(*parts)


def pointer_of(*parts: str) -> str:
    """The JSON Pointer of a place, by the names and numbers that lead to it."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def field_error(problem: Problem, place: str = "") -> dict[str, str]:
    """One thing that is wrong, as an element of `errors`; `place` is where its path begins."""
    where = f"{place}{pointer(problem.path)}"
    return {"pointer": where, "detail": str(problem), "code": problem.code}


def invalid_request(found: Sequence[tuple[Location, Problem]]) -> ProblemError:
    """The answer to a request in which this is wrong."""
    return ProblemError(
        422,
        "invalid-request",
        "The request is not valid",
        listed([problem for _, problem in found]),
        errors=[
            {"pointer": pointer_of(*map(str, loc)), "detail": str(problem), "code": problem.code}
            for loc, problem in found
        ],
    )


def problem_of(error: SignoffError) -> ProblemError:
    """The problem that reports an error of a use case."""
    for kind, status, slug, title in _OF_ERRORS:
        if isinstance(error, kind):
            place = "/query" if kind is WrongFiltersError else ""
            errors = [field_error(problem, place) for problem in getattr(error, "problems", ())]
            headers = (
                {"Retry-After": _seconds(error)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
            )
            return ProblemError(
                status,
                slug,
                title,
                str(error),
                errors=errors,
                headers=headers,
                members=_members(error),
            )
    return ProblemError(409, "refused", "This was refused", str(error))


def _members(error: SignoffError) -> dict[str, Any]:
    """What an error tells programs besides, as JSON holds it."""
    members: Mapping[str, Any] = getattr(error, "members", {})
    return {
        name: json_default(value) if isinstance(value, datetime) else value
        for name, value in members.items()
    }


def _seconds(error: SignoffError) -> str:
    """The value of `Retry-After`."""
    return f"{max(1, round(error.retry_after))}" if isinstance(error, QueueFull) else RETRY_AFTER


def answer(request: Request, problem: ProblemError) -> Response:
    """The problem as a document, or as a page if the request is one for a page.

    Somebody who wants a page and is not signed in is led to the sign-in page instead.
    """
    if wants_page(request):
        if problem.slug == NOT_SIGNED_IN and is_navigation(request):
            return RedirectResponse(sign_in_path(request), HTTPStatus.SEE_OTHER)
        again = _path(request) if request.method == "GET" and problem.status in _PASSING else None
        response = page(
            request, "problem.html", status=problem.status, problem=problem, again=again
        )
        response.headers.update(problem.headers)
        return response
    return Response(json_text(problem.document), problem.status, problem.headers, MEDIA_TYPE)


def _path(request: Request) -> str:
    """The path with its query: a link to this page and no other host."""
    url = request.url
    return "/" + url.path.lstrip("/") + (f"?{url.query}" if url.query else "")


def is_navigation(request: Request) -> bool:
    """Whether the answer becomes a page of its own: no script asked for it, no form was sent."""
    headers = request.headers
    is_of_script = (
        "hx-request" in headers or headers.get("sec-fetch-mode", "navigate") != "navigate"
    )
    return request.method == "GET" and not is_of_script


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer: no route of the API, asked for as HTML."""
    accepted = request.headers.get("accept", "")
    return not request.url.path.startswith("/v1/") and "text/html" in accepted


def add_handlers(app: FastAPI) -> None:
    """Answer each error of this app with a problem."""
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(SignoffError, _on_refusal)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(ClientDisconnect, _on_gone)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 -- as it was registered
    return answer(request, error)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignoffError)  # noqa: S101 -- as it was registered
    return answer(request, problem_of(error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    """What Starlette refuses by itself: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)  # noqa: S101 -- as it was registered
    title = HTTPStatus(error.status_code).phrase
    slug = _OF_STATUSES.get(error.status_code, "refused")
    headers, detail = dict(error.headers or {}), f"{title}."
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
        detail = f"This path takes {headers['Allow']}; found {request.method}."
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"There is nothing at {printable(request.url.path, limit=_LONGEST_PATH)}."
    problem = ProblemError(error.status_code, slug, title, detail, headers=headers)
    return answer(request, problem)


def _methods(request: Request) -> list[str]:
    """All methods of this path; Starlette names those of the first route alone."""
    routes = [one for one in request.app.routes if isinstance(one, Route)]
    here = [one for one in routes if one.matches(request.scope)[0] is not Match.NONE]
    methods = set[str]().union(*(route.methods or () for route in here))
    head = {"HEAD"} if "GET" in methods and takes_head(request.url.path) else set()
    return sorted(methods | head)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    """A query, a path or a header that is not what the route takes."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- as it was registered
    places: dict[str, list[Any]] = {}
    for one in error.errors():
        place, *rest = one["loc"]
        places.setdefault(place, []).append({**one, "loc": tuple(rest)})
    found = [
        ((place, *loc), problem)
        for place, errors in places.items()
        for loc, problem in located_problems(errors)
    ]
    return answer(request, invalid_request(found))


async def _on_gone(_request: Request, _error: Exception) -> Response:
    """The client left before its request was complete: nobody reads this, and nothing failed."""
    return Response(status_code=400)


def defect(request: Request, error: Exception) -> Response:
    """An error that nobody expected; the log has it, the answer does not."""
    _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = (
        "The service failed at this request, and logged why. Nothing was confirmed; what was sent "
        "may be sent again."
    )
    response = answer(request, ProblemError(500, "defect", "The service failed", detail))
    # Starlette sends it outside of the middleware that adds these to all other answers.
    response.headers.update(HEADERS)
    return response
