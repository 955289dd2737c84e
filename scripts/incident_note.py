"""Where a running incident is: a file in `.signoff`, for `--check`; it is removed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ValidationError

from signoff_schemas import Settings, SignoffError
from signoff_schemas.private_files import replace_private


class IncidentError(SignoffError):
    """What was asked for cannot be done."""


class Note(BaseModel):
    """The servers of a running incident, and what gives its traffic again."""

    seed: int
    events: int
    start: datetime
    redis_url: str
    database_url: str
    web_url: str

    @classmethod
    def of(
        cls, settings: Settings, *, seed: int, events: int, start: datetime, web_url: str
    ) -> Self:
        """That of an incident on these servers."""
        return cls(
            seed=seed,
            events=events,
            start=start,
            redis_url=settings.require("redis_url"),
            database_url=settings.require("database_url"),
            web_url=web_url,
        )

    @property
    def settings(self) -> Settings:
        """The settings that lead to its servers."""
        return Settings.load(
            redis_url=self.redis_url,
            database_url=self.database_url,
            outbox_url=self.database_url,
        )


@contextmanager
def noted(note: Note) -> Iterator[None]:
    """Write the note; the file is removed when the block ends."""
    path = _path(note.seed)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    replace_private(path, note.model_dump_json().encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_note(seed: int) -> Note:
    """The note of a running incident.

    Raises:
        IncidentError: none runs.
    """
    path = _path(seed)
    try:
        return Note.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise IncidentError(
            f"no incident of seed {seed} runs in this folder; start it with "
            f"`python scripts/incident.py {seed}`"
        ) from None
    except ValidationError:
        raise IncidentError(f"{path} holds no note of an incident; remove it") from None


def _path(seed: int) -> Path:
    return Path(".signoff", f"incident-{seed}.json")
