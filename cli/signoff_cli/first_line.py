"""Guess from the first line what a file holds, if not JSON lines."""

import json
from typing import Final

_WANTED: Final = "one JSON object a line is wanted"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS: Final = (b",", b";", b"\t")


def hint(line: bytes) -> str | None:
    """What to do about a file that begins with this line; None if that is not clear."""
    text = line.strip()
    if text.startswith(b"\x1f\x8b"):
        advice = "gzip", "gunzip -c FILE | signoff publish -"
    elif text.startswith(_UTF_16) or b"\0" in text:
        advice = "UTF-16", "iconv -f UTF-16 -t UTF-8 FILE | signoff publish -"
    elif _is_object(text):
        return None
    elif text.startswith(b"["):
        advice = "a JSON array", "jq -c '.[]' FILE"
    elif text.startswith(b"{") and text.endswith((b"{", b"[", b",")):
        advice = "pretty-printed JSON", "jq -c . FILE"
    elif not text.startswith((b"{", b'"{')) and any(mark in text for mark in _SEPARATORS):
        return f"this looks like CSV; {_WANTED}"
    else:
        return None
    looks, command = advice
    return f"this looks like {looks}; {_WANTED} (`{command}`)"


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text.decode()), dict)
    except (ValueError, RecursionError):
        return False
