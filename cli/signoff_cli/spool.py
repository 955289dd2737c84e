"""`signoff spool`: publish the events of a spool file, which were kept in an outage of Redis."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from signoff_cli.errors import UsageError
from signoff_cli.options import option
from signoff_cli.terminal import AsJson, say, show_json
from signoff_ops.services import load_settings
from signoff_producer import Answer, Producer
from signoff_schemas import Settings


def spool(
    file: Annotated[
        Path | None, typer.Argument(help="The spool file [SIGNOFF_SPOOL].", show_default=False)
    ] = None,
    *,
    queue: Annotated[str | None, typer.Option(help="The queue's name.")] = None,
    as_json: AsJson = False,
) -> None:
    """Publish the events that a spool file holds; fit for cron.

    Producers do so themselves with their next publish; this is for events whose process has ended.
    An event leaves the file when Redis has it. Exit 1 if one was refused, and put in FILE.aside.
    """
    settings = load_settings(named=option, queue=queue, spool=file)
    path = _path(settings)
    with Producer(settings=settings) as producer:
        answers = _flushed(producer, path)
    _show(answers, path, settings.queue, as_json=as_json)
    if answers[Answer.CONFLICT] or answers[Answer.REJECTED]:
        raise typer.Exit(1)


def _path(settings: Settings) -> Path:
    if not settings.spool:
        raise UsageError("no spool file is known: name one, or set SIGNOFF_SPOOL")
    if not settings.spool.is_file():
        raise UsageError(f"{settings.spool} is no spool file: there is no such file")
    return settings.spool


def _flushed(producer: Producer, path: Path) -> Counter[Answer]:
    try:
        return producer.flush_spool()
    except OSError as error:
        raise UsageError(f"{path} cannot be published: {error.strerror}") from None


def _show(answers: Counter[Answer], path: Path, queue: str, *, as_json: bool) -> None:
    shown = [answer for answer in Answer if answer is not Answer.SPOOLED]
    if as_json:
        show_json({"queue": queue, "spool": str(path)} | {str(one): answers[one] for one in shown})
        return
    counts = ", ".join(f"{answers[one]:,} {one}" for one in shown)
    say(f"Spool {path} to queue {queue}: {counts}.")
