"""Post an alert to the operator's webhook."""

from typing import Final
from urllib.parse import urlsplit

from signoff_ops.bounded_http import REQUEST_SECONDS, PostError
from signoff_ops.bounded_http import post as post_bounded
from signoff_ops.hook_errors import HookError

_VARIABLE: Final = "SIGNOFF_ALERT_URL"


def post(
    url: str, message: bytes, headers: dict[str, str], *, seconds: float = REQUEST_SECONDS
) -> None:
    """Post the message; any answer other than success is a failure.

    The operator chose the URL, so it may have any address, and proxies of the environment are used.

    Raises:
        HookError: it was not accepted, or not in time.
    """
    where = f"{_VARIABLE}{_host(url)}"
    try:
        answer = post_bounded(url, message, headers, proxies=True, seconds=seconds)
    except PostError as error:
        raise HookError(f"{where} {error}") from None
    if not answer.ok:
        raise HookError(f"{where} answered {answer.status}")


def _host(url: str) -> str:
    """The URL's host for messages, without path and user, which may hold a token."""
    if url.count("@") > 1 or "@" in url.partition("://")[2].partition("/")[2]:
        return ""  # a password that is not percent-encoded may reach into what looks like a host
    return f" (host {urlsplit(url).hostname})"
