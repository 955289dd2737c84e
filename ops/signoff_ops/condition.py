"""How everything is, in one sentence, with the reasons and where one acts on each.

`condition` is a function of what was read, and nothing else. What is not known makes it no better:
it is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Final

from signoff_ops.checks import Check, Grade
from signoff_ops.feed_check import reader_check
from signoff_ops.queue_control import paused_text
from signoff_ops.rapport_check import contexts_check
from signoff_ops.status import MOST_CAUSES, MOST_DEATHS, QueueStatus, Status
from signoff_ops.throughput import Rate
from signoff_ops.webhook_check import webhook_check
from signoff_queue.workers import SILENT, WorkerState
from signoff_schemas.wording import ago, count

_SLOW: Final = timedelta(minutes=1)
"""If events wait for longer, that is told."""
_NAMED: Final = 2
"""So many reasons are in the sentence; the others stand below it."""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    ATTENTION = "attention"
    """Somebody should look; events are applied."""
    TROUBLE = "trouble"
    """Events are not applied, or that is not known."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is not as it should be."""

    key: str
    """What it is about; there is one of each."""
    level: Level
    headline: str
    """A part of the sentence."""
    text: str
    """What to know and to do."""
    path: str | None = None
    """The page of the console where one acts; None if one acts elsewhere."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How everything is."""

    level: Level
    sentence: str
    reasons: tuple[Reason, ...]
    """The worst first."""


def condition(found: Status, rate: Rate | None, now: datetime) -> Condition:
    """How everything is, by a status that was read at the moment `now`.

    Args:
        found: what was read.
        rate: what workers settle; None if it is not known.
        now: when it was read.
    """
    order = list(Level)
    reasons = sorted(_reasons(found, rate, now), key=lambda one: -order.index(one.level))
    level = reasons[0].level if reasons else Level.OK
    sentence = _sentence(reasons, found.queue, rate) if reasons else _all_is_well(found, rate)
    return Condition(level, sentence, tuple(reasons))


def _reasons(found: Status, rate: Rate | None, now: datetime) -> Iterator[Reason]:
    yield from _away(found)
    if found.queue:
        yield from _of_workers(found.queue)
        yield from _of_backlog(found.queue, rate)
        yield from _of_leftovers(found.queue)
    yield from _of_deaths(found)
    yield from _of_letters(found)
    yield from _of_operations(found)
    yield from _of_outbox(found, now)
    checks = [reader_check(reader) for reader in found.readers or ()]
    checks += [webhook_check(webhook) for webhook in found.webhooks or ()]
    if found.contexts:
        checks.append(contexts_check(found.contexts))
    yield from (_of_check(check) for check in checks if check.grade != Grade.OK)


def _away(found: Status) -> Iterator[Reason]:
    meanings = {
        "redis": "Nothing is known of the queue and the workers. What was accepted is kept.",
        "postgres": "Workers wait for it and apply nothing; publishing goes on.",
        "outbox": "Events stay in it until it can be read.",
        "rapport": "Contexts of customers cannot be asked for; all else works.",
    }
    names = {
        "redis": "Redis",
        "postgres": "Postgres",
        "outbox": "the outbox",
        "rapport": "the second database",
    }
    for server, why in found.away.items():
        level = Level.ATTENTION if server in {"outbox", "rapport"} else Level.TROUBLE
        path = "/ops/outbox" if server == "outbox" else None
        headline = f"{names.get(server, server)} cannot be read"
        yield Reason(f"away:{server}", level, headline, f"{why}. {meanings.get(server, '')}", path)


def _of_workers(queue: QueueStatus) -> Iterator[Reason]:
    path = "/ops/workers"
    if queue.pause:
        by = queue.pause.by or "somebody outside of Signoff"
        headline = f"the queue is paused by {by}: {_waits(queue)}"
        text = f"Paused {paused_text(queue.pause)}. Publishing goes on."
        yield Reason("paused", Level.ATTENTION, headline, text, f"{path}#queue")
    listening = [worker for worker in queue.workers if worker.live]
    if not listening:
        text = "Start one with `signoff worker`. Nothing is lost meanwhile."
        yield Reason("workers", Level.TROUBLE, f"no worker listens: {_waits(queue)}", text, path)
        return
    waiting = [] if queue.pause else [one for one in listening if not one.ready]
    if waiting:
        stopped = len(waiting) == len(listening)
        level = Level.TROUBLE if stopped else Level.ATTENTION
        number = "no worker applies events" if stopped else f"{_number(waiting)} not ready"
        text = f"{waiting[0].name}: {waiting[0].waits_for or 'it does not say what it waits for'}"
        yield Reason("not_ready", level, number, text, path)
    if lost := [one for one in queue.workers if not one.live]:
        silent = all(one.state == SILENT for one in lost)
        headline = f"{_number(lost)} {'silent' if silent else 'stuck'}"
        text = (
            "It was killed or hangs; another worker gets what it held. The page Workers says what "
            "to do."
        )
        yield Reason("silent", Level.ATTENTION, headline, text, path)


def _number(workers: list[WorkerState]) -> str:
    return f"{count(len(workers), 'worker')} {'is' if len(workers) == 1 else 'are'}"


def _of_backlog(queue: QueueStatus, rate: Rate | None) -> Iterator[Reason]:
    is_held = queue.pause or not any(worker.ready for worker in queue.workers)
    if is_held or queue.oldest_waiting is None or queue.oldest_waiting <= _SLOW:
        return
    if rate is not None and rate.settled == 0:
        text = f"Nothing was applied for {rate.seconds:.0f} s although workers are ready."
        headline = f"the queue does not move: {_waits(queue)}"
        yield Reason("backlog", Level.TROUBLE, headline, text, "/ops/workers")
        return
    text = "How fast workers apply is not known yet."
    if rate is not None:
        left = timedelta(seconds=queue.counts.waiting / rate.settled)
        text = (
            f"Workers settle {_a_second(rate.settled)} a second: what waits now is done in about "
            f"{ago(left)}. More workers are faster."
        )
    yield Reason("backlog", Level.ATTENTION, _waits(queue), text, "/ops/workers")


def _of_leftovers(queue: QueueStatus) -> Iterator[Reason]:
    counts = queue.counts
    if counts.missing_jobs:
        headline = f"{count(counts.missing_jobs, 'job id')} without a job"
        text = "Workers took ids off the queue whose jobs did not exist; the audit says which."
        yield Reason("missing", Level.ATTENTION, headline, text, "/audit")
    if counts.oversized:
        headline = f"{count(counts.oversized, 'oversized job')}"
        text = "They are too large to be read, stay in Redis, and are dead letters too."
        yield Reason("oversized", Level.ATTENTION, headline, text, "/ops/dead")


def _of_deaths(found: Status) -> Iterator[Reason]:
    """A dead worker is forgotten after some minutes; the events it died with are letters."""
    deaths = found.recent_deaths
    if not deaths:
        return
    events = f"{MOST_DEATHS:,} or more events" if deaths >= MOST_DEATHS else count(deaths, "event")
    headline = f"workers died again and again with {events} in hand in the last hour"
    text = "An event may have killed them, or somebody stopped them hard; their cause says more."
    yield Reason("deaths", Level.ATTENTION, headline, text, "/ops/causes?kind=abandoned")


def _of_operations(found: Status) -> Iterator[Reason]:
    waiting = found.operations_without_runner
    if not waiting:
        return
    headline = f"{count(waiting, 'operation')} {'waits' if waiting == 1 else 'wait'} for a runner"
    text = (
        "No process is there that runs replays and discards. Start one: `signoff operations run`, "
        "or `signoff serve`, which brings one along."
    )
    yield Reason("operations", Level.ATTENTION, headline, text, "/ops/replays")


def _of_letters(found: Status) -> Iterator[Reason]:
    letters = sum(found.state.dead.values()) if found.state else 0
    if not letters:
        return
    causes = f"{found.causes:,}{'+' if found.causes and found.causes >= MOST_CAUSES else ''}"
    of = f" of {causes} cause{'' if found.causes == 1 else 's'}" if found.causes else ""
    text = "Each cause has a page: what it is, what to do, and what a replay would change."
    headline = f"{count(letters, 'dead letter')}{of}"
    yield Reason("dead", Level.ATTENTION, headline, text, "/ops/causes")


def _of_outbox(found: Status, now: datetime) -> Iterator[Reason]:
    path = "/ops/outbox"
    if found.outbox and found.outbox.refused:
        headline = f"the queue refuses {count(found.outbox.refused, 'event')} of the outbox"
        text = f"They wait for a person; all others pass them by.{_valid_now(found)}"
        yield Reason("refused", Level.ATTENTION, headline, text, path)
    due = found.outbox_waiting.oldest_due_at if found.outbox_waiting else None
    if found.outbox and due and now - due > _SLOW:
        headline = (
            f"{count(found.outbox.waiting, 'event')} in the outbox, the oldest for {ago(now - due)}"
        )
        text = "No relay runs, or it waits for Redis or for room in the queue. Nothing is lost."
        yield Reason("outbox", Level.TROUBLE, headline, text, path)


def _valid_now(found: Status) -> str:
    checked = found.refused_valid_now
    if not found.outbox or not checked or not checked.valid:
        return ""
    everything = checked.looked_at >= found.outbox.refused
    of = "" if everything else f" of the oldest {checked.looked_at:,}"
    are = "is valid now: try it" if checked.valid == 1 else "are valid now: try them"
    return f" {checked.valid:,}{of} {are} again."


def _of_check(check: Check) -> Reason:
    headline = check.name[:1].lower() + check.name[1:]
    return Reason(check.name, Level.ATTENTION, f"{headline} needs a look", f"{check.text}.")


def _sentence(reasons: list[Reason], queue: QueueStatus | None, rate: Rate | None) -> str:
    """The worst reasons, and whether the queue moves where that is not one of them."""
    worst = [one.headline for one in reasons if one.level == reasons[0].level]
    more = [f"and {len(worst) - _NAMED} more"] if len(worst) > _NAMED else []
    sentence = "; ".join([*worst[:_NAMED], *more])
    told = {"away:redis", "paused", "workers", "not_ready", "backlog"}
    if queue and told.isdisjoint(one.key for one in reasons):
        sentence += f"; {_moves(queue, rate)}"
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _moves(queue: QueueStatus, rate: Rate | None) -> str:
    if not queue.counts.waiting:
        return "nothing waits in the queue"
    return "the queue moves" if rate and rate.settled else _waits(queue)


def _all_is_well(found: Status, rate: Rate | None) -> str:
    if not found.queue:  # then there is a reason
        raise AssertionError
    workers = len(found.queue.workers)
    if rate and rate.applied:
        apply = "worker applies" if workers == 1 else "workers apply"
        works = f"{workers:,} {apply} {_a_second(rate.applied)} events a second"
    else:
        works = f"{workers:,} {'worker listens' if workers == 1 else 'workers listen'}"
    return f"All is well: {works}, {_longest_wait(found.queue)}, no dead letters."


def _longest_wait(queue: QueueStatus) -> str:
    if not queue.counts.waiting:
        return "nothing waits"
    if queue.oldest_waiting is None:
        return _waits(queue)
    return f"nothing waits longer than {max(1, ceil(queue.oldest_waiting.total_seconds()))} s"


def _waits(queue: QueueStatus) -> str:
    """How many events wait, and how long the oldest does."""
    waiting = queue.counts.waiting
    if not waiting:
        return "nothing waits"
    oldest = f", the oldest for {ago(queue.oldest_waiting)}" if queue.oldest_waiting else ""
    return f"{count(waiting, 'event')} {'waits' if waiting == 1 else 'wait'}{oldest}"


def _a_second(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"  # noqa: PLR2004
