"""The console as browsers hold it open: what the scripts of each page ask for, and no more.

Most pages ask for nothing once they are loaded. These do (`web/signoff_web/static/ops`):

- `/` follows one stream of live figures (`live.js`);
- `/ops/workers` asks again three seconds after an answer (`workers.js`);
- `/ops/replays/{id}` two seconds after one, while the operation runs (`replay.js`);
- `/ops/dead` asks every ten seconds for the number of new letters (`letters.js`).

`/ops/outbox` and `/audit` ask only while something is due, or an audit runs. Loading each of the
pages again every two seconds, and a stream for each, is what no browser does. Instead somebody goes
from one page to the next, and loads one every two seconds.
"""

import html
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle

import httpx
from background import repeated, thread

LIVE = "/ops/live"
_FRAGMENT = {"HX-Request": "true"}
_NEW_LETTERS = re.compile(r'id="newer" data-url="([^"]+)"')


def load(visitor: httpx.Client, path: str, headers: dict[str, str] | None = None) -> str:
    """Ask for a page, or for a part of it; its text."""
    answer = visitor.get(path, headers=headers)
    if answer.is_error:
        raise AssertionError(path, answer.status_code, answer.text[:2000])
    return answer.text


@contextmanager
def opened(
    visitor: httpx.Client, paths: Sequence[str], running: Callable[[], int]
) -> Iterator[None]:
    """Each page is open, and somebody looks at one after the other.

    Args:
        visitor: who is signed in.
        paths: of the pages.
        running: the number of the operation that runs now.
    """
    found = _NEW_LETTERS.search(load(visitor, "/ops/dead"))
    assert found
    new_letters = html.unescape(found[1])
    turns = cycle(paths)

    def part(path: str) -> str:
        return load(visitor, path, _FRAGMENT)

    with ExitStack() as stack:
        stack.enter_context(_streamed(visitor))
        stack.enter_context(repeated(lambda: part("/ops/workers"), 3))
        stack.enter_context(repeated(lambda: part(f"/ops/replays/{running()}"), 2))
        stack.enter_context(repeated(lambda: part(new_letters), 10))
        stack.enter_context(repeated(lambda: load(visitor, next(turns)), 2))
        yield


@contextmanager
def _streamed(visitor: httpx.Client) -> Iterator[None]:
    """Read the live stream until the block ends."""
    stop = threading.Event()

    def read() -> None:
        with visitor.stream("GET", LIVE) as answer:
            for _ in answer.iter_raw():
                if stop.is_set():
                    return

    with thread(read, stop):
        yield
