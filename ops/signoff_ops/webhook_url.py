"""Which URLs a webhook may have, and how they are shown."""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from signoff_ops.bounded_http import resolve
from signoff_schemas import SignoffError
from signoff_schemas.networks import is_allowed

_LONGEST: Final = 2000
_RESOLVE_SECONDS: Final = 5.0
_EXPECTED: Final = "expected is a URL such as https://example.com/hooks/signoff"


class WebhookUrlError(SignoffError):
    """A URL that no webhook may have."""


def check_url(url: str, allow_private: str) -> None:
    """Check a URL, and where its host leads now, before a webhook gets it.

    Where it leads is checked again with each attempt. A host that is not known now is no error.

    Raises:
        WebhookUrlError: the text says what is wrong; it does not quote the URL, which may hold a
            token.
    """
    parts = _split(url)
    host = parts.hostname or ""
    try:
        found = resolve(host, parts.port or 443, seconds=_RESOLVE_SECONDS)
    except (OSError, ValueError):
        return
    addresses = [str(one[4][0]) for one in found]
    if not any(is_allowed(address, allow_private) for address in addresses):
        raise WebhookUrlError(
            f"the host {host} has the address {addresses[0]}, which is not public; if webhooks may "
            "go there, say so with SIGNOFF_WEBHOOK_ALLOW_PRIVATE, which takes networks such as "
            "10.0.0.0/8, or true (also where `signoff webhook run` runs)"
        )


def shown_url(url: str) -> str:
    """A URL without what may hold a token."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{'/…' if len(parts.path) > 1 or parts.query else ''}"


def _split(url: str) -> SplitResult:
    if len(url) > _LONGEST:
        raise WebhookUrlError(
            f"the URL has {len(url):,} characters; at most {_LONGEST:,} are allowed"
        )
    if not url.isascii() or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise WebhookUrlError(
            f"the URL holds blanks, or characters that are not ASCII; {_EXPECTED}, with others "
            "percent-encoded (a host in punycode)"
        )
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise WebhookUrlError(f"this is no http or https URL; {_EXPECTED}")
    if "@" in parts.netloc:
        raise WebhookUrlError(
            "the URL holds a user or password, which would show in logs; receivers know a sender "
            "by its signature"
        )
    if parts.fragment:
        raise WebhookUrlError("the URL has a fragment (#…), which is never sent; leave it out")
    return parts
