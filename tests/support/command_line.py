"""The command line as a person runs it: real processes, in a folder of their own."""

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic_core import to_json


@dataclass(frozen=True)
class Signoff:
    """Runs `signoff`; what it ran is in `folder`."""

    folder: Path
    environment: dict[str, str]

    def __call__(
        self, *arguments: object, typed: bytes = b"", expect: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end: the exit code is the expected one, and there is no traceback."""
        ran = subprocess.run(
            [sys.executable, "-m", "signoff_cli", *map(str, arguments)],
            input=typed,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env=self.environment,
            timeout=120,
        )
        out, err = ran.stdout.decode(), ran.stderr.decode()
        assert "Traceback" not in err, err
        assert ran.returncode == expect, f"exit code {ran.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(ran.args, ran.returncode, out, err)

    def json(self, *arguments: object, expect: int = 0) -> Any:
        """Run a command with --json and read what it reports."""
        return json.loads(self(*arguments, "--json", expect=expect).stdout)

    def publish(self, *events: dict[str, Any]) -> None:
        """Publish events, all of which are accepted."""
        self("publish", "-", typed=lines(*events))

    def work(self) -> None:
        """Apply what waits."""
        self("worker", "--burst")

    def having(self, **environment: str) -> "Signoff":
        """The same with other variables; an empty one counts as not set."""
        return replace(self, environment=self.environment | environment)


def lines(*events: dict[str, Any]) -> bytes:
    """Events as JSON lines."""
    return b"".join(to_json(event) + b"\n" for event in events)
