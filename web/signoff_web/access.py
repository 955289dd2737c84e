"""Who may call a route: each route needs one scope, or is open, and says so where it is declared.

    @router.get("/v1/funnel", dependencies=[requires(Scope.READ)])
    @router.get("/live", dependencies=[OPEN])

An app with a route that says neither does not start (`check_routes`).
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Depends, FastAPI, Request
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from signoff_schemas.access import Identity, Scope
from signoff_web.context import context_of
from signoff_web.problems import NOT_SIGNED_IN, ProblemError


class Rule:
    """Lets a request through whose sender has the scope; with None, lets all through."""

    def __init__(self, scope: Scope | None) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> None:
        """Authenticate the sender and check its scope.

        Raises:
            ProblemError: nobody is signed in (401), or the scope is missing (403).
        """
        if self.scope is None:
            return
        identity = await context_of(request).authenticate(request)
        if identity is None:
            raise ProblemError(
                401,
                NOT_SIGNED_IN,
                "Nobody is signed in",
                "Send a key as `Authorization: Bearer sgn_...` (`signoff key add NAME --scope "
                f"{self.scope}` makes one), or sign in at /sign-in",
                headers={"WWW-Authenticate": 'Bearer realm="signoff"'},
            )
        request.state.identity = identity
        if self.scope not in identity.scopes:
            raise ProblemError(
                403,
                "not-permitted",
                "Not permitted",
                f"This needs the scope `{self.scope}`; {identity.actor} has "
                + (", ".join(f"`{scope}`" for scope in sorted(identity.scopes)) or "none"),
            )


async def may_still(request: Request, scope: Scope) -> bool:
    """Whether the sender of a request that is answered for long has the scope now.

    Raises:
        DatabaseUnavailableError: that cannot be looked up.
    """
    try:
        identity = await context_of(request).authenticate(request)
    except ProblemError:
        return False
    return identity is not None and scope in identity.scopes


def requires(scope: Scope) -> Any:  # noqa: ANN401 -- what FastAPI's `Depends` returns
    """A dependency of routes that only senders with this scope may call."""
    return Depends(Rule(scope))


OPEN: Final = Depends(Rule(None))
"""The dependency of routes that everybody may call."""


def identity_of(request: Request) -> Identity:
    """Whoever sent the request, on a route that requires a scope."""
    identity: Identity = request.state.identity
    return identity


Acting: TypeAlias = Annotated[Identity, Depends(identity_of)]


class UnguardedRouteError(Exception):
    """A route names no scope, or several: this is a defect of Signoff."""


def rules_of(route: BaseRoute) -> list[Rule]:
    """The rules that a route declares."""
    declared: Sequence[Dependency] = route.dependencies if isinstance(route, APIRoute) else ()
    return [each.dependency for each in declared if isinstance(each.dependency, Rule)]


def check_routes(app: FastAPI) -> None:
    """Check that each route has exactly one rule.

    Raises:
        UnguardedRouteError: one has not.
    """
    for route in _guarded(app):
        if len(rules_of(route)) != 1:
            raise UnguardedRouteError(f"{route} must name one scope, or that it is open")


def _guarded(app: FastAPI) -> Iterator[BaseRoute]:
    """All routes but that of the static files, which are the same for everybody."""
    for route in app.routes:
        if not (isinstance(route, Mount) and route.name == "static"):
            yield route
