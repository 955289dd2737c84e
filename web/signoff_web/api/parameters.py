"""Parameters that a route does not know, or that are repeated, are refused.

A misspelt filter would list too much; of a repeated one, all but the last would be left out.
"""

from collections.abc import Iterator
from typing import Final, get_args, get_origin

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from signoff_schemas.wording import printable
from signoff_web.problems import ProblemError, pointer_of

_SHOWN: Final = 100


def _only_known(request: Request) -> None:
    """Check the names in the query.

    Raises:
        ProblemError: the route has no such parameter, or takes it once (422).
    """
    route: APIRoute = request.scope["route"]
    known = dict(_names(route.dependant))
    given = [name for name, _ in request.query_params.multi_items()]
    allowed = f"; it takes {', '.join(known)}" if known else ""
    if unknown := [name for name in dict.fromkeys(given) if name not in known]:
        why = f"is no parameter of this route{allowed}"
        raise _wrong(unknown, "unknown_parameter", why, f"has no parameter {{}}{allowed}")
    if repeated := [name for name, once in known.items() if once and given.count(name) > 1]:
        raise _wrong(
            repeated, "repeated_parameter", "is given more than once", "takes {} only once"
        )


def _wrong(names: list[str], code: str, why: str, route: str) -> ProblemError:
    """The problem of these parameters; `route` tells what the route takes of them."""
    shown = [printable(name, limit=_SHOWN) for name in names]
    errors = [{"pointer": pointer_of("query", name), "detail": why, "code": code} for name in shown]
    listed = ", ".join(name or "an empty name" for name in shown[:5])
    return ProblemError(
        422,
        "invalid-request",
        "The request is not valid",
        f"This route {route.replace('{}', listed, 1)}",
        errors=errors,
    )


def _names(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The parameters of a route, and of what it depends on; whether each is taken only once."""
    for needed in dependant.dependencies:
        yield from _names(needed)
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        kinds = (annotation, *get_args(annotation))
        yield parameter.alias, all(get_origin(kind) is not list for kind in kinds)


ONLY_KNOWN: Final = Depends(_only_known)
"""A dependency of routers whose routes refuse other parameters."""
