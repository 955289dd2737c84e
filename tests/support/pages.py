"""What a person reads on a page, and texts that want to be more than text."""

import re
from html import unescape
from typing import Final

import httpx

HOSTILE: Final = "<script>alert(1)</script>\u202egnp.exe\x1b[31m\"'&"
"""Markup, a control of the direction of text, one of terminals, quotes."""


def text_of(answer: httpx.Response) -> str:
    """What a person reads, on one line; nothing of it may run or hide."""
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text
    assert "\x1b" not in answer.text
    body = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", "", body)).split())


def shown(pages: httpx.Client, path: str) -> str:
    """What a page says that is there."""
    answer = pages.get(path)
    assert answer.status_code == 200, answer.text
    return text_of(answer)
