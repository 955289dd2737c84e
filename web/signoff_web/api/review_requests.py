"""What requests about reviews carry: a body, the reviewer for whom a key acts, a revision."""

import re
from typing import Annotated, Final
from urllib.parse import unquote_to_bytes
from uuid import UUID

from fastapi import Depends, Header, Path, Request

from signoff_schemas import InvalidReview
from signoff_schemas.review import MAX_REVIEW_BYTES
from signoff_web.access import Acting
from signoff_web.problems import ProblemError

InteractionId = Annotated[UUID, Path(description="The review's interaction.")]
_ETAG: Final = re.compile(r'"(\d{1,9})"', re.ASCII)
_JSON: Final = "application/json"


async def _json_body(request: Request) -> bytes:
    """The body of a request, which must be JSON; it is bounded while it is read."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _JSON:
        raise ProblemError(
            415,
            "unsupported-media-type",
            "This type of content is not taken",
            f"Send the body as `Content-Type: {_JSON}`",
            headers={"Accept-Post": _JSON},
        )
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > MAX_REVIEW_BYTES:
            raise ProblemError(
                413,
                "body-too-large",
                "The body is too large",
                f"A body may take at most {MAX_REVIEW_BYTES} bytes",
                headers={"Connection": "close"},
            )
    return bytes(read)


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
