"""Routes that read the request themselves, for bodies that FastAPI would read and parse whole.

    router = APIRouter(route_class=RawRoute, dependencies=[requires(Scope.PUBLISH)])

Their rule is checked as that of every route. Their endpoint takes the request, and nothing else;
what they take and answer stands in OpenAPI by `openapi_extra` and `responses`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from signoff_schemas import SignoffError
from signoff_web.access import UnguardedRouteError, rules_of
from signoff_web.problems import ProblemError, answer, problem_of

Endpoint = Callable[[Request], Awaitable[ASGIApp]]


class RawRoute(APIRoute):
    """Checks its rule, passes the request to its endpoint, and answers errors with problems."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:  # noqa: ANN401 -- FastAPI's
        super().__init__(path, endpoint, **options)
        rules = rules_of(self)
        if len(rules) != 1:
            raise UnguardedRouteError(f"{self} must name one scope, or that it is open")
        rule = rules[0]

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            scope["route"] = self  # by which requests are counted
            request = Request(scope, receive, send)
            try:
                await rule(request)
                response = await endpoint(request)
                await response(scope, receive, send)
            except ClientDisconnect:
                pass  # nobody is there to be answered
            except ProblemError as problem:
                await answer(request, problem)(scope, receive, send)
            except SignoffError as error:
                await answer(request, problem_of(error))(scope, receive, send)

        self.app = serve


def posted(routes: Iterable[BaseRoute]) -> Mapping[str, RawRoute]:
    """The raw routes that take POST alone, by their paths."""
    return {
        route.path: route
        for route in routes
        if isinstance(route, RawRoute) and route.methods == {"POST"}
    }
