"""Answers as JSON, written as the command line writes it; and what all lists have."""

from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import Query, Request, Response

from signoff_schemas.wording import json_text
from signoff_web.problems import MEDIA_TYPE

_AS_SENT: Final = "/%:@!$&'()*+,;=~"

Limit = Annotated[int, Query(ge=1, le=1000, description="The most to list.")]
Cursor = Annotated[
    str | None,
    Query(max_length=1000, description="The `next` of the page before; none for the first page."),
]


class JSONAnswer(Response):
    """Data as JSON: amounts as strings, times in UTC."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The body (Starlette calls this)."""
        return json_text(content).encode()


def listed(request: Request, data: dict[str, Any]) -> JSONAnswer:
    """A page of a list; its `next` is a cursor, and the header `Link` the address of that page."""
    cursor = data["next"]
    return JSONAnswer(
        data, headers={} if cursor is None else {"Link": next_page(request, cursor=cursor)}
    )


def next_page(request: Request, **changed: str) -> str:
    """The header `Link` to the page with these parameters, relative to the host."""
    sent: bytes = request.scope.get("raw_path") or request.url.path.encode()
    kept = [
        (name, held) for name, held in request.query_params.multi_items() if name not in changed
    ]
    query = urlencode([*kept, *changed.items()])
    return f'<{quote(sent, safe=_AS_SENT)}?{query}>; rel="next"'


def refusals(**reasons: str) -> dict[int | str, dict[str, Any]]:
    """The problems with which a route answers besides the usual ones: `refusals(_404="…")`."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        int(status.removeprefix("_")): {"description": reason, "content": content}
        for status, reason in reasons.items()
    }
