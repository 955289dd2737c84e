"""Parameters that a route does not know are refused: a misspelt filter would list too much."""

from collections.abc import Iterator
from typing import Final

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from signoff_schemas.wording import printable
from signoff_web.problems import ProblemError, pointer_of

_SHOWN: Final = 100


def _only_known(request: Request) -> None:
    """Check the names in the query.

    Raises:
        ProblemError: the route has no such parameter (422).
    """
    route: APIRoute = request.scope["route"]
    known = list(_names(route.dependant))
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if not unknown:
        return
    allowed = f"; it takes {', '.join(known)}" if known else ""
    errors = [
        {
            "pointer": pointer_of("query", printable(name, limit=_SHOWN)),
            "detail": f"is no parameter of this route{allowed}",
            "code": "unknown_parameter",
        }
        for name in unknown
    ]
    names = ", ".join(printable(name, limit=_SHOWN) or "an empty name" for name in unknown[:5])
    raise ProblemError(
        422,
        "invalid-request",
        "The request is not valid",
        f"This route has no parameter {names}{allowed}",
        errors=errors,
    )


def _names(dependant: Dependant) -> Iterator[str]:
    """The parameters of a route, and of what it depends on."""
    for needed in dependant.dependencies:
        yield from _names(needed)
    yield from (parameter.alias for parameter in dependant.query_params)


ONLY_KNOWN: Final = Depends(_only_known)
"""A dependency of routers whose routes refuse other parameters."""
