"""`signoff publish`: events from JSON lines, streamed in bounded memory."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from signoff_cli.errors import UsageError
from signoff_cli.interrupted import INTERRUPTED
from signoff_cli.lines import Lines
from signoff_cli.options import option
from signoff_cli.refusals import Refusals, refusals
from signoff_cli.terminal import AsJson, complain, err, say, show_json
from signoff_ops.producing import producer_of
from signoff_ops.services import load_settings
from signoff_producer import Answer, Producer, QueueFull, QueueUnavailableError

_ANSWERS: Final = [answer for answer in Answer if answer is not Answer.SPOOLED]
File = Annotated[
    Path,
    typer.Argument(metavar="FILE|-", help="JSON lines, one event each; - for standard input."),
]


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
    """Publish events of both kinds from a file of JSON lines.

    Refused lines are shown with their numbers on standard error; the others are published.
    Publishing a file again is safe: an event_id takes effect once. Exit 1 if a line was refused.
    """
    settings = load_settings(named=option, queue=queue)
    answers: Counter[str] = Counter(dict.fromkeys(_ANSWERS, 0))
    with ExitStack() as stack:
        refused = stack.enter_context(refusals(file, rejects))
        lines = Lines(
            stack.enter_context(_opened(file)),
            "standard input" if str(file) == "-" else str(file),
        )
        producer = stack.enter_context(producer_of(settings))
        advance = stack.enter_context(_progress(file, lines))
        stopped = _publish(producer, lines, refused, answers, advance)
    refused.conclude()
    if stopped:
        _tell_stop(lines, stopped)
    _show(answers, settings.queue, lines.next if stopped else None, as_json=as_json)
    code = _code(stopped) or int(refused.count > 0)
    if code:
        raise typer.Exit(code)


def _publish(
    producer: Producer,
    lines: Lines,
    refused: Refusals,
    answers: Counter[str],
    advance: Callable[[], None],
) -> BaseException | None:
    """Publish line by line; returns the error that stopped it before the end, if any."""
    try:
        for receipt in producer.publish_many(lines.events()):
            if not receipt.ok:
                refused.add(lines.underway[0], receipt, first=not answers.total())
            answers[receipt.answer] += 1
            lines.underway.popleft()
            advance()
    except (QueueFull, QueueUnavailableError, KeyboardInterrupt) as error:
        return error
    return None


def _tell_stop(lines: Lines, stopped: BaseException) -> None:
    reason = "interrupted" if isinstance(stopped, KeyboardInterrupt) else stopped
    done = f"stopped before line {lines.next}, the lines before it are done"
    if lines.next == 1:
        done = "stopped, no line is known to be published"
    complain(f"signoff: {done}: {reason}")


def _code(stopped: BaseException | None) -> int:
    """The exit code for the error that stopped it."""
    match stopped:
        case None:
            return 0
        case QueueFull():
            return 1
        case KeyboardInterrupt():
            return INTERRUPTED
    return 2


def _show(answers: Counter[str], queue: str, stopped_before: int | None, *, as_json: bool) -> None:
    if as_json:
        show_json({"queue": queue, **answers, "stopped_before_line": stopped_before})
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
def _progress(file: Path, lines: Lines) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error, if that is a terminal; it counts the bytes read."""
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
