"""`signoff publish`: events from JSON lines, streamed in bounded memory."""

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from signoff_cli.errors import UsageError
from signoff_cli.services import load_settings
from signoff_cli.terminal import AsJson, complain, err, say, show_json
from signoff_producer import Answer, Producer, QueueFull, QueueUnavailableError, Receipt

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
File = Annotated[
    Path,
    typer.Argument(metavar="FILE|-", help="JSON lines, one event each; - for standard input."),
]


@dataclass(slots=True)
class Lines:
    """The lines of a file on their way to the queue; each is kept until its answer has come."""

    file: BinaryIO
    underway: deque[tuple[int, bytes]] = field(default_factory=deque)
    read_bytes: int = 0

    def events(self) -> Iterator[bytes]:
        """Each line that is not blank."""
        for number, line in enumerate(self.file, start=1):
            self.read_bytes += len(line)
            event = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
            if event.strip():
                self.underway.append((number, line))
                yield event.strip()


def publish(
    file: File,
    *,
    rejects: Annotated[
        Path | None,
        typer.Option(help="Write the refused lines here, as they were.", dir_okay=False),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="The queue's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish approval events from a file of JSON lines.

    Each refused line is told with its number on standard error; the others are published.
    Publishing a file again is safe: an event_id takes effect once. Exit 1 if a line was refused.
    """
    settings = load_settings(queue=queue)
    answers: Counter[str] = Counter(dict.fromkeys(Answer, 0))
    with ExitStack() as stack:
        lines = Lines(stack.enter_context(_opened(file)))
        refused = stack.enter_context(_created(rejects)) if rejects else None
        producer = stack.enter_context(
            Producer(
                settings.require("redis_url"),
                queue=settings.queue,
                max_queue_length=settings.max_queue_length,
            )
        )
        advance = stack.enter_context(_progress(file, lines))
        stopped = _publish(producer, lines, refused, answers, advance)
    _tell(answers, settings.queue, as_json=as_json)
    if stopped:
        raise typer.Exit(stopped)
    if answers[Answer.REJECTED] or answers[Answer.CONFLICT]:
        raise typer.Exit(1)


def _publish(
    producer: Producer,
    lines: Lines,
    rejects: BinaryIO | None,
    answers: Counter[str],
    advance: Callable[[], None],
) -> int:
    """Publish line by line; returns the exit code where the queue took no more, else 0."""
    try:
        for receipt in producer.publish_many(lines.events()):
            number, line = lines.underway.popleft()
            answers[receipt.answer] += 1
            advance()
            if not receipt.ok:
                complain(f"line {number}: {_reason(receipt)}")
                if rejects:
                    rejects.write(line if line.endswith(b"\n") else line + b"\n")
    except (QueueFull, QueueUnavailableError) as error:
        first = lines.underway[0][0]
        complain(f"signoff: stopped before line {first}, the lines up to it are done: {error}")
        return 1 if isinstance(error, QueueFull) else 2
    return 0


def _reason(receipt: Receipt) -> str:
    if receipt.answer is Answer.CONFLICT:
        return f"conflict: event {receipt.event_id} is on the queue with other content"
    return f"rejected: {receipt.error}"


def _tell(answers: Counter[str], queue: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"queue": queue, **answers})
        return
    counts = ", ".join(f"{number:,} {answer}" for answer, number in answers.items())
    say(f"Queue {queue}: {counts}.")


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = file.open("rb")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    with opened:
        yield opened


@contextmanager
def _created(rejects: Path) -> Iterator[BinaryIO]:
    try:
        created = rejects.open("wb")
    except OSError as error:
        raise UsageError(f"--rejects {rejects} cannot be written: {error.strerror}") from None
    with created:
        yield created


@contextmanager
def _progress(file: Path, lines: Lines) -> Iterator[Callable[[], None]]:
    """A bar on standard error, where that is a terminal; it moves by the bytes that were read."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as bar:
        task = bar.add_task("Publishing", total=file.stat().st_size if file.is_file() else None)
        yield lambda: bar.update(task, completed=lines.read_bytes)
