"""Publisher processes, which publish while faults happen."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forked import start

from faults.events import Published
from faults.publisher import Way

_AT_A_TIME = 10


class Publisher:
    """One publisher process; if killed, it is restarted and continues."""

    def __init__(
        self, seed: int, number: int, folder: Path, env: dict[str, str], *, way: Way
    ) -> None:
        self.way = way
        """Whether it publishes to the queue itself, with a spool or without, or by an outbox."""
        self.spool = folder / f"publisher-{number}.spool"
        self._journal = folder / f"publisher-{number}.jsonl"
        self._command = [sys.executable, "-m", "faults.publisher"]
        self._command += [str(seed), str(number), str(self._journal), way, str(self.spool)]
        self._log = folder / "publishers.log"
        self._env = env
        self._read = 0
        self._start()

    def publish(self, count: int) -> None:
        """Publish so many events; returns when they have receipts."""
        while not self._answered(count):
            if self._process.wait() > 0:
                raise AssertionError(f"a publisher gave up: {self._log.read_text('utf-8')[-4000:]}")
            self._close()
            self._start()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()

    def close(self) -> None:
        """End it for good."""
        self.kill()
        self._process.wait()
        self._close()

    def receipts(self) -> Iterator[Published]:
        """The events that got receipts since the last call."""
        if not self._journal.exists():
            return
        with self._journal.open("rb") as journal:
            journal.seek(self._read)
            for line in journal:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                job_id, event, expect, at, spooled = json.loads(line)
                yield Published(job_id, event, expect, at=at, spooled=spooled)

    def has_spooled(self) -> bool:
        """Whether events wait in its spool."""
        return self.spool.exists() and self.spool.stat().st_size > 0

    def _answered(self, count: int) -> bool:
        try:
            self._asked.write(b"%d\n" % count)
            self._asked.flush()
        except BrokenPipeError:
            return False
        return self._answers.readline() != b""

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = start(
                self._command,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError(self._command)
        self._asked, self._answers = self._process.stdin, self._process.stdout

    def _close(self) -> None:
        self._answers.close()
        try:
            self._asked.close()
        except BrokenPipeError:
            return


class Traffic:
    """All publishers at once, at a steady rate while the block lasts."""

    def __init__(self, publishers: list[Publisher], *, rate: float) -> None:
        self._publishers = publishers
        self._pause = _AT_A_TIME * len(publishers) / rate
        self._failures: list[BaseException] = []

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Publish until the block ends and every event has its receipt."""
        over = threading.Event()
        threads = [
            threading.Thread(target=self._flow, args=[publisher, over])
            for publisher in self._publishers
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
        if self._failures:
            raise self._failures[0]

    def _flow(self, publisher: Publisher, over: threading.Event) -> None:
        try:
            while not over.wait(self._pause):
                publisher.publish(_AT_A_TIME)
        except (AssertionError, OSError) as error:
            self._failures.append(error)
