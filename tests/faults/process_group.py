"""Groups of processes (workers, relays, readers): start, end by a signal, replace."""

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from forked import start
from processes import exit_code


class ProcessGroup:
    """Several processes of one kind."""

    def __init__(self, module: str, log: Path, env: dict[str, str]) -> None:
        """Make a group without processes.

        Args:
            module: what they run; its argument is the point at which a process kills itself.
            log: the log of all of them.
            env: their environment.
        """
        self._module = module
        self.log = log
        self._env = env
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(
        self, count: int = 1, *, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start so many; returns the last."""
        for _ in range(count):
            self.processes.append(self._started([], env or {}))
        return self.processes[-1]

    @contextmanager
    def one_more(
        self, point: str = "", *, inside: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run one more process until the block ends.

        Args:
            point: where it kills itself, if it does.
            inside: the command that runs it on another host, if any.
            env: what differs in its environment.
        """
        process = self._started([point], env or {}, inside)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def end(self, process: subprocess.Popen[bytes], how: signal.Signals) -> int:
        """End one by a signal; returns its exit code."""
        process.send_signal(how)
        code = exit_code(process, log=self.log)
        self.processes.remove(process)
        return code

    def replace(
        self,
        process: subprocess.Popen[bytes],
        how: signal.Signals,
        *,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """End one by a signal and start another; returns the exit code."""
        code = self.end(process, how)
        self.start(env=env)
        return code

    def said(self, text: bytes, since: int) -> bool:
        """Whether one of them wrote this text to the log after its first `since` bytes."""
        return text in self.log.read_bytes()[since:]

    def ended(self) -> list[int]:
        """Exit codes of processes that ended by themselves."""
        return [p.returncode for p in self.processes if p.poll() is not None]

    def close(self) -> None:
        """End them all."""
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()

    def _started(
        self, arguments: list[str], env: Mapping[str, str], inside: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        command = [*inside, sys.executable, "-m", self._module, *arguments]
        with self.log.open("ab") as log:
            return start(
                command, env={**self._env, **env}, stdout=log, stderr=log, cwd=self.log.parent
            )
