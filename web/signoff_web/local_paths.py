"""Where to go on after signing in: a page of this service, whatever a link says."""

from typing import Final
from urllib.parse import quote, urlsplit

from fastapi import Request

HOME: Final = "/"
_LONGEST: Final = 2000


def local_path(text: str | None) -> str:
    """The path, if it is one of this service; else the first page.

    Browsers take two slashes, a backslash, and some control characters as the start of a host.
    """
    if not text or len(text) > _LONGEST or not text.isascii() or not text.isprintable():
        return HOME
    if not text.startswith("/") or text.startswith("//") or "\\" in text:
        return HOME
    parts = urlsplit(text)
    return HOME if parts.scheme or parts.netloc else text


def sign_in_path(request: Request) -> str:
    """The sign-in page, which leads back to the page of this request."""
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/sign-in?next={quote(local_path(request.url.path + query), safe='')}"
