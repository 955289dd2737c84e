"""Read times of tables that others write too: they may lie where Python has none.

Postgres knows `infinity`, and years before 1 and after 9999. Such a time is read as the first or
the last one that Python knows, since one odd row must not stop a command that only shows it.
"""

from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg.abc import AdaptContext, Buffer, Loader
from psycopg.adapt import AdaptersMap
from psycopg.adapt import Loader as BaseLoader
from psycopg.pq import Format

FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)


class _InstantLoader(BaseLoader):
    """Reads a `timestamptz` as psycopg does, wherever it can."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._exact = _of_psycopg(oid)(oid, context)

    def load(self, data: Buffer) -> datetime:
        try:
            moment: datetime = self._exact.load(data)
        except psycopg.DataError:
            text = bytes(data)
            return FIRST if text.startswith(b"-") or text.endswith(b"BC") else LAST
        return moment


def _of_psycopg(oid: int) -> type[Loader]:
    found = psycopg.adapters.get_loader(oid, Format.TEXT)
    if found is None:
        raise AssertionError
    return found


def read_all_instants(adapters: AdaptersMap) -> None:
    """Let a connection read every `timestamptz`."""
    adapters.register_loader("timestamptz", _InstantLoader)
