"""The servers that commands use: those of the settings, or those of a `signoff up` in this folder.

While `signoff up` runs, it holds a lock on `.signoff/services.json`, which names its servers. The
lock ends with the process, so a file that is not locked is stale.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from pydantic import BaseModel, ValidationError

from signoff_schemas import Settings, SettingsError
from signoff_schemas.private_files import open_private
from signoff_schemas.role_settings import argument, variable_of
from signoff_schemas.trust import require_own_folder, require_trusted

FILE: Final = Path(".signoff", "services.json")
_FILE_BYTES: Final = 65_536
_ALL_ADDRESSES: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- nothing is bound here
_REMEDY: Final = (
    "Whoever owns it decides where events go: use a folder of your own, or set SIGNOFF_REDIS_URL "
    "and SIGNOFF_DATABASE_URL"
)


class Announced(BaseModel):
    """The servers of a running `signoff up`."""

    redis_url: str
    database_url: str
    rapport_url: str | None = None
    web_url: str | None = None

    @classmethod
    def of(cls, settings: Settings, *, web_url: str | None) -> Self:
        """Those of the settings, and the URL of the web service, if it runs.

        Raises:
            SettingsError: a server is not set.
        """
        return cls(
            redis_url=settings.require("redis_url"),
            database_url=settings.require("database_url"),
            rapport_url=settings.rapport_url,
            web_url=web_url,
        )


def load_settings(*, named: Callable[[str], str] = argument, **overrides: object) -> Settings:
    """The settings; a server that they do not name is that of a running `signoff up`.

    Args:
        named: what a message calls an override.
        **overrides: each wins over the environment; None overrides nothing.

    Raises:
        SettingsError: a setting is wrong, or there is a stale file of an ended `signoff up`.
    """
    settings = Settings.load_named(overrides, named)
    if settings.redis_url and settings.database_url:
        return settings
    found = _running()
    if found is None:
        return settings
    urls: dict[str, str | None] = {
        "redis_url": settings.redis_url or found.redis_url,
        "database_url": settings.database_url or found.database_url,
    }
    if not settings.database_url:
        # The contexts of another ledger are in another second database.
        urls["rapport_url"] = settings.rapport_url or found.rapport_url
    return Settings.load_named(overrides | urls, named)


def runs_here(url: str) -> bool:
    """Whether a `signoff up` of this folder runs with the server at this URL."""
    try:
        found = _running()
    except SettingsError:  # its file is stale, or not to be trusted
        return False
    return found is not None and url in {found.redis_url, found.database_url, found.rapport_url}


def web_url(settings: Settings) -> str:
    """The URL of the web service: as it is set, that of `signoff up`, or where it listens.

    Raises:
        SettingsError: there is a stale file of an ended `signoff up`.
    """
    running = None if settings.web_url else _running()
    host = "127.0.0.1" if settings.web_host in _ALL_ADDRESSES else settings.web_host
    listening = f"http://{f'[{host}]' if ':' in host else host}:{settings.web_port}"
    return (settings.web_url or (running and running.web_url) or listening).rstrip("/")


def sign_in_url(base: str, token: str) -> str:
    """The one-time link with this token, under the web service's URL."""
    return f"{base.rstrip('/')}/sign-in/link?token={token}"


def environment(settings: Settings) -> dict[str, str]:
    """The environment variables that give these settings to a child process."""
    values: dict[str, Any] = settings.model_dump(exclude_none=True)
    return {variable_of(name): str(value) for name, value in values.items()}


@contextmanager
def announcement() -> Iterator[Callable[[Announced], None]]:
    """Lock this folder's file until the block ends; gives a function that writes the servers to it.

    Raises:
        SettingsError: another `signoff up` runs in this folder, or it cannot be written to.
    """
    try:
        require_own_folder(Path.cwd(), _REMEDY)
        FILE.parent.mkdir(mode=0o700, exist_ok=True)
        require_trusted(FILE.parent, _REMEDY)
        descriptor = open_private(FILE, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise SettingsError(f"{FILE} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
        if not _locked(file.fileno(), fcntl.LOCK_EX):
            raise SettingsError(
                "another `signoff up` or `signoff demo --keep` runs in this folder;"
                " stop it, use it, or start in another folder"
            )
        file.truncate()

        def announce(servers: Announced) -> None:
            file.write(servers.model_dump_json())
            file.flush()

        try:
            yield announce
        finally:
            FILE.unlink(missing_ok=True)


def _running() -> Announced | None:
    for path in (FILE.parent, FILE):
        require_trusted(path, _REMEDY)
    try:
        with os.fdopen(open_private(FILE, os.O_RDONLY), encoding="utf-8") as file:
            stale = _locked(file.fileno(), fcntl.LOCK_SH)
            text = file.read(_FILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{FILE} cannot be read: {error.strerror}") from None
    if stale:
        raise SettingsError(
            f"{FILE} is left from a `signoff up` that has ended; start `signoff up` again, or "
            "remove the file and set SIGNOFF_REDIS_URL and SIGNOFF_DATABASE_URL"
        )
    try:
        return Announced.model_validate_json(text)
    except ValidationError:
        raise SettingsError("`signoff up` is still starting in this folder; try again") from None


def _locked(descriptor: int, kind: int) -> bool:
    """Lock the file if nobody else has; the lock ends when the file is closed."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
