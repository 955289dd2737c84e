"""Forms of pages: bounded before they are parsed."""

from typing import Annotated, Final, TypeAlias
from urllib.parse import parse_qs

from fastapi import Depends, Request

from signoff_web.bodies import read_within
from signoff_web.context import context_of
from signoff_web.problems import ProblemError

_MOST_BYTES: Final = 16_384
_MOST_FIELDS: Final = 50
_MOST_BYTES_OF_ACTS: Final = 65_536
_MOST_FIELDS_OF_ACTS: Final = 300
_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"


class Form:
    """The fields of a form; a field that is missing is empty."""

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """The first value of a field."""
        return self._fields.get(name, [""])[0]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All fields with their values."""
        return [(name, value) for name, values in self._fields.items() for value in values]

    def all(self, name: str) -> list[str]:
        """The values of a field that may be chosen several times."""
        return self._fields.get(name, [])


async def read_form(request: Request) -> Form:
    """The form that a page sent; see `bounded_form`."""
    return await bounded_form(request)


async def bounded_form(
    request: Request, *, most_bytes: int = _MOST_BYTES, most_fields: int = _MOST_FIELDS
) -> Form:
    """The form that a page sent.

    Raises:
        ProblemError: it is too large, too slow, or no form (408, 413, 415, 422).
        ClientDisconnect: the client is gone.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _MEDIA_TYPE:
        raise ProblemError(415, "unsupported-media-type", "No form", f"Expected {_MEDIA_TYPE}")
    detail = f"A form has at most {most_bytes:,} bytes"
    body = await read_within(
        request,
        most_bytes,
        seconds=context_of(request).settings.body_timeout,
        refusal=ProblemError(413, "too-large", "The form is too large", detail),
    )
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=most_fields)
    except ValueError:
        raise ProblemError(422, "invalid-form", "No form", "The form cannot be read") from None
    return Form(fields)


InForm: TypeAlias = Annotated[Form, Depends(read_form)]


async def _read_act(request: Request) -> Form:
    return await bounded_form(
        request, most_bytes=_MOST_BYTES_OF_ACTS, most_fields=_MOST_FIELDS_OF_ACTS
    )


InActForm: TypeAlias = Annotated[Form, Depends(_read_act)]
"""The form of a list, on which many rows may be ticked."""
