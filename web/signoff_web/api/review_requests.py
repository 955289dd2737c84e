"""What requests about reviews carry: a body, the reviewer for whom a key acts, a revision."""

import re
from typing import Annotated, Final
from urllib.parse import unquote_to_bytes
from uuid import UUID

from fastapi import Depends, Header, Path, Request

from signoff_schemas import InvalidReview
from signoff_web.access import Acting
from signoff_web.bodies import Form, form_of, headers_of, read_event
from signoff_web.context import InContext
from signoff_web.problems import ProblemError

InteractionId = Annotated[UUID, Path(description="The review's interaction.")]
_ETAG: Final = re.compile(r'"(\d{1,9})"', re.ASCII)


async def _json_body(request: Request, context: InContext) -> bytes:
    """The body of a request, which must be JSON; it is bounded while it is read."""
    headers = headers_of(request)
    if form_of(headers) is not Form.JSON:
        raise ProblemError(
            415,
            "unsupported-media-type",
            "This type of content is not taken",
            f"Send the body as `Content-Type: {Form.JSON}`",
            headers={"Accept-Post": Form.JSON},
        )
    return await read_event(request, headers, seconds=context.settings.body_timeout)


def _reviewer(
    acting: Acting,
    signoff_reviewer: Annotated[
        str | None,
        Header(
            max_length=1800,
            description="For whom a key acts, percent-encoded UTF-8; without it, for the key's "
            "own name. A user always acts for themselves.",
        ),
    ] = None,
) -> str:
    """Whose decision it is."""
    if signoff_reviewer is None:
        return acting.name
    try:
        named = unquote_to_bytes(signoff_reviewer).decode()
    except UnicodeDecodeError:
        raise InvalidReview.of(
            "reviewer", "must be percent-encoded UTF-8 in Signoff-Reviewer", "reviewer"
        ) from None
    if acting.kind == "user" and named != acting.name:
        raise ProblemError(
            403,
            "not-permitted",
            "Not permitted",
            "A user acts for themselves; only a key may name a reviewer in Signoff-Reviewer",
        )
    return named


def _revision(
    if_match: Annotated[
        str | None,
        Header(description="The `ETag` of the review that the reviewer saw; else unchecked."),
    ] = None,
) -> int | None:
    """The revision that the reviewer saw."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise InvalidReview.of(
            "", "If-Match must hold the ETag that a review was answered with", "if_match"
        )
    return int(found[1])


JSONBody = Annotated[bytes, Depends(_json_body)]
Reviewer = Annotated[str, Depends(_reviewer)]
Revision = Annotated[int | None, Depends(_revision)]
