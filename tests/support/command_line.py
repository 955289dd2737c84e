"""The command line as a person runs it, in its own folder."""

import gc
import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

from forked import start
from pydantic_core import to_json

from signoff_cli.__main__ import main


@dataclass(frozen=True)
class CommandResult:
    """What a command wrote."""

    stdout: str
    stderr: str


@dataclass(frozen=True)
class Signoff:
    """Runs `signoff` in `folder`, with only this environment."""

    folder: Path
    environment: dict[str, str]
    at_terminal: bool = False
    """Whether standard input counts as a terminal."""

    def __call__(
        self,
        *arguments: object,
        typed: bytes = b"",
        expect: int | None = 0,
        encoding: str | None = None,
    ) -> CommandResult:
        """Run a command to its end and check its exit code, unless None is expected.

        It runs inside the test's process, by the entry point: starting Python takes far longer than
        most commands do. `encoding` is that of its output, where this matters.
        """
        out, err = (_Encoded(encoding) if encoding else io.StringIO() for _ in range(2))
        code: object = 0
        with (
            self._inside(["signoff", *map(str, arguments)], typed),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                main()
            except SystemExit as ended:
                code = ended.code or 0
        assert expect in {code, None}, f"exit code {code}\n{out.getvalue()}\n{err.getvalue()}"
        return CommandResult(out.getvalue(), err.getvalue())

    @contextmanager
    def _inside(self, command: list[str], typed: bytes) -> Iterator[None]:
        with (
            mock.patch.dict(os.environ, self.environment, clear=True),
            mock.patch("sys.argv", command),
            mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(typed))) as stdin,
            mock.patch.object(stdin, "isatty", return_value=self.at_terminal),
            chdir(self.folder),
        ):
            time.tzset()
            yield
        time.tzset()

    def interruptible(self, *arguments: object) -> subprocess.Popen[bytes]:
        """Start a command that Ctrl-C reaches, its output in pipes.

        Python keeps an ignored SIGINT ignored, and a shell starts background jobs that way.
        """
        return self.process(
            *arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def process(self, *arguments: object, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command as a process of its own."""
        return start(
            [sys.executable, "-m", "signoff_cli", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            **options,
        )

    def json(self, *arguments: object, expect: int | None = 0) -> Any:
        """Run a command with --json and read what it reports."""
        return json.loads(self(*arguments, "--json", expect=expect).stdout)

    def publish(self, *events: dict[str, Any]) -> None:
        """Publish events, all of which are accepted."""
        self("publish", "-", typed=lines(*events))

    def work(self) -> None:
        """Apply what waits, in a fork of this process: starting Python takes far longer."""
        with warnings.catch_warnings():
            # Python 3.12 and newer warn, since pytest-xdist has a thread that receives commands.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            self._work_and_exit()
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0

    def _work_and_exit(self) -> NoReturn:
        code: object = 70
        try:
            gc.freeze()  # what the tests have opened is not closed here
            null = os.open(os.devnull, os.O_RDWR)
            for stream in range(3):
                os.dup2(null, stream)
            with self._inside(["signoff", "worker", "--burst"], b""):
                main()
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            os._exit(code if isinstance(code, int) else 1)

    def having(self, **environment: str) -> "Signoff":
        """The same with more variables; an empty one counts as not set."""
        return replace(self, environment=self.environment | environment)

    def at_a_terminal(self) -> "Signoff":
        """The same as if somebody sat there."""
        return replace(self, at_terminal=True)


class _Encoded(io.TextIOWrapper):
    """Output in an encoding; JSON lines are UTF-8 in any, which ASCII is a part of."""

    def __init__(self, encoding: str) -> None:
        self._written = io.BytesIO()
        super().__init__(self._written, encoding, write_through=True)

    def getvalue(self) -> str:
        """All that was written."""
        return self._written.getvalue().decode()


def lines(*events: dict[str, Any]) -> bytes:
    """Events as JSON lines."""
    return b"".join(to_json(event) + b"\n" for event in events)
