"""Lists in bounded pages: each page names the next one by an opaque cursor.

A cursor holds the key of the last item that was read (keyset pagination). So every page takes the
same time, and items that are added or removed meanwhile do not move the others.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from signoff_schemas import SignoffError

Item = TypeVar("Item")
Key = TypeVar("Key")
_LONGEST_CURSOR: Final = 1000
_LARGEST_ID: Final = 2**63 - 1


class CursorError(SignoffError):
    """A cursor is not one of this list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a list, in its order."""

    items: tuple[Item, ...]
    next: str | None
    """The cursor of the next page; None at the end."""


def page_of(
    found: Sequence[Item], size: int, list_name: str, key: Callable[[Item], object]
) -> Page[Item]:
    """The page with the first `size` items of `found`; if there is one more, there is a next page.

    Args:
        found: up to `size + 1` items.
        size: how many the page may hold.
        list_name: the list that the cursor belongs to.
        key: gives the key of an item; the next page begins after it.
    """
    items = tuple(found[:size])
    more = len(found) > size
    return Page(items, cursor_at(list_name, key(items[-1])) if more else None)


def key_of(cursor: str | None, list_name: str, read: Callable[[str], Key]) -> Key | None:
    """The key that a cursor of this list holds.

    Args:
        cursor: any text from a request; None for the first page.
        list_name: the list that the cursor belongs to.
        read: makes the key from its text, or raises `ValueError`.

    Raises:
        CursorError: the cursor is not one of this list.
    """
    if cursor is None:
        return None
    if len(cursor) <= _LONGEST_CURSOR:
        with suppress(ValueError, RecursionError):
            match json.loads(base64.urlsafe_b64decode(cursor + "==")):
                case [str() as name, str() as key] if name == list_name:
                    return read(key)
    raise CursorError("the cursor is none that this list gave; begin without one")


def row_id(text: str) -> int:
    """The id of a row, a bigint of Postgres; raises `ValueError` if the text is not one."""
    number = int(text)
    if not 0 <= number <= _LARGEST_ID:
        raise ValueError(text)
    return number


def follow(read: Callable[[str | None], Page[Item]]) -> Iterator[Page[Item]]:
    """All pages of a list, in order; `read` reads the page of a cursor."""
    page = read(None)
    yield page
    while page.next is not None:
        page = read(page.next)
        yield page


def cursor_at(list_name: str, key: object) -> str:
    """The cursor of what follows the item with this key."""
    text = json.dumps([list_name, str(key)], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
