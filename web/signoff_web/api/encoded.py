"""Ids in paths, which may hold any character: a slash too, if it is percent-encoded."""

from typing import Final
from urllib.parse import unquote_to_bytes

from fastapi.routing import APIRoute
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError, PydanticKnownError
from starlette.routing import Match
from starlette.types import Scope

_LONGEST: Final = 1000
"""Characters of an id; a job's id may be longer than any of the contract."""


class EncodedRoute(APIRoute):
    """A route that matches the path as it was sent; its arguments are to be decoded."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a request (Starlette calls this); the server decoded only `path`."""
        sent: bytes = scope.get("raw_path") or scope["path"].encode()
        return super().matches({**scope, "path": sent.decode("latin-1")})


def text(value: str) -> str:
    """A text that Postgres and Redis can be asked about."""
    if "\0" in value:
        raise PydanticCustomError("nul", "must not hold the NUL character")
    return value


def _decoded(value: str) -> str:
    try:
        decoded = unquote_to_bytes(value).decode()
    except ValueError:
        raise PydanticCustomError("not_utf8", "must be UTF-8, percent-encoded") from None
    if len(decoded) > _LONGEST:
        raise PydanticKnownError("string_too_long", {"max_length": _LONGEST})
    return text(decoded)


DECODED: Final = AfterValidator(_decoded)
"""Decodes the argument of an `EncodedRoute`."""
