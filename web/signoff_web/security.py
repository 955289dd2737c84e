"""The headers that keep a browser from running or showing what is not ours."""

from collections.abc import Collection
from typing import Final

from secure import ContentSecurityPolicy, ReferrerPolicy, Secure, XContentTypeOptions

_POLICY: Final = (
    ContentSecurityPolicy()
    .default_src("'none'")
    .script_src("'self'")
    .style_src("'self'")
    .img_src("'self'", "data:")
    .connect_src("'self'")
    .form_action("'self'")
    .base_uri("'none'")
    .frame_ancestors("'none'")
)
HEADERS: Final = Secure(
    csp=_POLICY, referrer=ReferrerPolicy().same_origin(), xcto=XContentTypeOptions()
).headers
"""Sent with every answer."""

_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
_NO_STORE: Final = (b"cache-control", b"no-store")
_OURS: Final = frozenset(name for name, _ in _RAW)
_KNOWN: Final = _OURS | {_NO_STORE[0]}
_ALL: Final = [*_RAW, _NO_STORE]


def completed(given: Collection[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with ours in place of what a route gave under their names.

    Caches may not keep what only the sender may see, unless the route says otherwise.
    """
    names = {name for name, _ in given}
    if names.isdisjoint(_KNOWN):
        return [*given, *_ALL]
    kept = [header for header in given if header[0] not in _OURS]
    return [*kept, *_RAW] if _NO_STORE[0] in names else [*kept, *_ALL]
