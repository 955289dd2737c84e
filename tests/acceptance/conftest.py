"""The command line as a person runs it: real processes against real servers."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

Event = dict[str, Any]


@dataclass(frozen=True)
class Signoff:
    """Runs `signoff` in a folder of its own, with settings that name the test's servers."""

    folder: Path
    settings: dict[str, str]

    def __call__(
        self, *arguments: str, typed: str | bytes = "", expect: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; its exit code must be as expected, and there is no traceback."""
        ran = subprocess.run(
            [sys.executable, "-m", "signoff_cli", *arguments],
            input=typed.encode() if isinstance(typed, str) else typed,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
            timeout=120,
        )
        told = subprocess.CompletedProcess(
            ran.args, ran.returncode, ran.stdout.decode(), ran.stderr.decode()
        )
        assert "Traceback" not in told.stderr, told.stderr
        assert told.returncode == expect, f"{told.stdout}\n{told.stderr}"
        return told

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the command sees: none of the machine's own settings."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SIGNOFF_")}
        return inherited | self.settings | {"TZ": "UTC"}

    def json(self, *arguments: str, expect: int = 0) -> Any:
        """Run a command with --json and read what it reports."""
        return json.loads(self(*arguments, "--json", expect=expect).stdout)

    def publish(self, events: Iterable[Event]) -> None:
        """Publish events, all of which are accepted."""
        self("publish", "-", typed="".join(json.dumps(event) + "\n" for event in events))

    def work(self) -> None:
        """Apply what waits."""
        self("worker", "--burst")

    def having(self, **settings: str) -> "Signoff":
        """The same with other settings; an empty one counts as not set."""
        return replace(self, settings=self.settings | settings)


@pytest.fixture
def signoff(tmp_path: Path, redis_url: str, database_url: str) -> Signoff:
    """The command line, on an empty queue and an empty, migrated database."""
    return Signoff(
        tmp_path,
        {
            "SIGNOFF_REDIS_URL": redis_url,
            "SIGNOFF_DATABASE_URL": database_url,
            "SIGNOFF_RETRY_ATTEMPTS": "0",
            "SIGNOFF_ACTOR": "ann",
        },
    )


def approval(number: int, **fields: object) -> Event:
    """An approval; each number is another event, of the same interaction unless said otherwise."""
    return {
        "event_id": str(UUID(int=number)),
        "occurred_at": f"2026-01-01T00:00:{number:02}Z",
        "interaction_id": str(UUID(int=1000)),
        "user_id": "user-1",
        "final_bubbles": ["hello"],
        "quality_score": 4,
        **fields,
    }
