"""`signoff dlq replay`."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Final

import typer
from rich.progress import Progress

from signoff_cli.dlq.acting import Actor, DryRun, Limit, actor_of
from signoff_cli.dlq.choosing import (
    All,
    Fingerprint,
    Ids,
    InteractionId,
    Kinds,
    Since,
    Until,
    User,
    chosen,
    deliberate,
    tell_absent,
)
from signoff_cli.interrupted import INTERRUPTED
from signoff_cli.leaving import SERVER_AWAY
from signoff_cli.terminal import (
    NOTHING,
    AsJson,
    Yes,
    cell,
    complain,
    confirm,
    progress,
    say,
    show_json,
    show_table,
)
from signoff_db import replay as replaying
from signoff_db.balances import Balance
from signoff_db.connection import DatabaseUnavailableError, connect_for_batches
from signoff_db.dead_letters import Selection, count
from signoff_db.read_connection import database_of, explained
from signoff_db.replay import Replayed, ReplayReport
from signoff_ops.services import load_settings
from signoff_schemas.wording import count as counted
from signoff_worker.interpreter import spend_time_on_events

_SHOWN: Final = 50
_AS_A_WHOLE: Final = "a batch is replayed as a whole or not at all"

Ended = ReplayReport | DatabaseUnavailableError | KeyboardInterrupt
"""How a replay ended: with its report, or by what cut it short."""


def replay(  # noqa: PLR0913 -- one argument an option
    ids: Ids = None,
    *,
    kind: Kinds = None,
    fingerprint: Fingerprint = None,
    user: User = None,
    interaction: InteractionId = None,
    since: Since = None,
    until: Until = None,
    everything: All = False,
    dry_run: DryRun = False,
    limit: Limit = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="The most a second.")] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Do not stop when one cause keeps recurring.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why; kept in operator_actions.")] = None,
    actor: Actor = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Apply the events of dead letters anew; what applies is resolved.

    Replaying twice is safe. With --dry-run each verdict is the true one of this moment. Exit 1 if
    an event failed again.
    """
    selection = deliberate(
        chosen(
            ids=ids, kinds=kind, fingerprint=fingerprint, user=user, interaction=interaction,
            since=since, until=until,
        ),
        everything=everything,
    )  # fmt: skip
    total, absent = _asked(selection, limit, dry_run=dry_run, yes=yes)
    balances = None if as_json or dry_run else _SHOWN
    options = Options(actor_of(actor), reason, dry_run, limit, rate, keep_going, balances)
    told: list[Replayed] = []
    ended = _replay(selection, options, total, told)
    _conclude(told, ended, absent, dry_run=dry_run, as_json=as_json)


@dataclass(frozen=True, slots=True)
class Options:
    """How letters are replayed, as `signoff_db.replay` takes it."""

    actor: str
    reason: str | None
    dry_run: bool
    limit: int | None
    rate: float | None
    keep_going: bool
    balances: int | None


def _replay(selection: Selection, options: Options, total: int, told: list[Replayed]) -> Ended:
    """Replay, and add to `told` what became of each letter; returns how that ended."""
    url = load_settings().require("database_url")
    spend_time_on_events()
    try:
        with (
            connect_for_batches(url, application="signoff dlq replay") as connection,
            explained(url),
            progress() as bar,
        ):
            watch = _watch(bar, total, told)
            return replaying.replay(connection, selection, **asdict(options), on_batch=watch)
    except (DatabaseUnavailableError, KeyboardInterrupt) as stop:
        return stop


def _conclude(
    told: Sequence[Replayed],
    ended: Ended,
    absent: int,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Tell what became of the letters, and end with the exit code that this has."""
    stopped_by = ended.stopped_by if isinstance(ended, ReplayReport) else None
    if as_json:
        show_json(
            {
                "dry_run": dry_run,
                "interrupted": isinstance(ended, KeyboardInterrupt),
                "away": _away(ended),
                "stopped_by": stopped_by,
                "words": Counter(one.result for one in told),
                "replayed": [asdict(one) for one in told],
            }
        )
    else:
        quiet = bool(absent) or not isinstance(ended, ReplayReport)
        _show(told, stopped_by, dry_run=dry_run, quiet=quiet)
    _leave_if_cut_short(ended)
    if absent or stopped_by or not all(one.resolved for one in told):
        raise typer.Exit(1)


def _away(ended: Ended) -> dict[str, str]:
    """The server that went away and why, as `status` tells it."""
    return {"postgres": str(ended)} if isinstance(ended, DatabaseUnavailableError) else {}


def _leave_if_cut_short(ended: Ended) -> None:
    match ended:
        case KeyboardInterrupt():
            complain(f"signoff: interrupted; {_AS_A_WHOLE}")
            raise typer.Exit(INTERRUPTED)
        case DatabaseUnavailableError():
            complain(f"signoff: {ended}; {_AS_A_WHOLE}: replay the rest when it is back")
            raise typer.Exit(SERVER_AWAY)


def _asked(selection: Selection, limit: int | None, *, dry_run: bool, yes: bool) -> tuple[int, int]:
    """Ask where several are meant; returns how many are, and how many that were named are not."""
    with database_of(load_settings()) as connection:
        absent = tell_absent(connection, selection)
        total = count(connection, selection)
    total = total if limit is None else min(total, limit)
    if total > 1 and not dry_run:
        confirm(f"Replay {total:,} dead letters?", yes=yes)
    return total, absent


def _watch(bar: Progress, total: int, told: list[Replayed]) -> Callable[[Sequence[Replayed]], None]:
    """Keep what became of each letter, and move the progress bar."""
    task = bar.add_task("Replaying", total=total)

    def on_batch(batch: Sequence[Replayed]) -> None:
        told.extend(batch)
        bar.advance(task, len(batch))

    return on_batch


def _show(told: Sequence[Replayed], stopped_by: str | None, *, dry_run: bool, quiet: bool) -> None:
    if told:
        show_replayed(told[:_SHOWN])
    if len(told) > _SHOWN:
        say(f"… and {len(told) - _SHOWN:,} more; all of them with --json.")
    if told or not quiet:
        say(summary(told, dry_run=dry_run))
    if stopped_by:
        say(
            f"Stopped, since the cause {stopped_by} keeps recurring. Mend it first, or go on with "
            "--keep-going."
        )


def summary(told: Sequence[Replayed], *, dry_run: bool) -> str:
    """How many applied, and how many failed again for what, in a sentence."""
    if not told:
        return "No dead letter matches."
    resolved = Counter(one.result for one in told if one.resolved)
    failed = Counter(one.result for one in told if not one.resolved)
    done = f"{resolved.pop('applied', 0):,} {'would apply' if dry_run else 'applied'}"
    parts = [done, *_counts(resolved)]
    if failed:
        again = "would fail again" if dry_run else "failed again"
        parts.append(f"{failed.total():,} {again}: {', '.join(_counts(failed))}")
    begin = (
        "A dry run, nothing changed" if dry_run else f"Replayed {counted(len(told), 'dead letter')}"
    )
    return f"{begin}: {', '.join(parts)}."


def _counts(words: Counter[str]) -> list[str]:
    return [f"{number:,} {word}" for word, number in sorted(words.items())]


def show_replayed(told: Sequence[Replayed]) -> None:
    """What became of each letter, and of its interaction."""
    show_table(
        ["letter", "event", "verdict", "before", "after", "message"],
        [
            [
                one.letter_id,
                one.event_id,
                one.result,
                _held(one.before),
                _held(one.after),
                one.message,
            ]
            for one in told
        ],
    )


def _held(balance: Balance | None) -> str:
    return NOTHING if balance is None else f"{balance.customer_status} {cell(balance.ltv_usd)}"
