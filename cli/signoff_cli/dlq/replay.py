"""`signoff dlq replay`."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Annotated, Final

import typer
from rich.progress import Progress

from signoff_cli.dlq.acting import Actor, DryRun, Limit, actor_of
from signoff_cli.dlq.choosing import (
    All,
    EventId,
    Fingerprint,
    Ids,
    InteractionId,
    JobId,
    Kinds,
    OfType,
    Since,
    Text,
    Until,
    User,
    chosen,
    deliberate,
    meant,
)
from signoff_cli.interrupted import INTERRUPTED
from signoff_cli.leaving import SERVER_AWAY
from signoff_cli.options import finite
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
from signoff_ops import operating
from signoff_ops.operating import Operator
from signoff_ops.process import spend_time_on_events
from signoff_ops.values import Balance, DatabaseUnavailableError, Replayed, ReplayReport
from signoff_schemas.wording import count as counted

_SHOWN: Final = 50
_AS_A_WHOLE: Final = "a batch is replayed as a whole or not at all"

Rate = Annotated[float | None, typer.Option(min=0.1, callback=finite, help="The most a second.")]
KeepGoing = Annotated[
    bool, typer.Option("--keep-going", help="Do not stop when one cause keeps recurring.")
]
Why = Annotated[str | None, typer.Option(help="Why; kept in operator_actions.")]
Ended = ReplayReport | DatabaseUnavailableError | KeyboardInterrupt
"""The end of a replay: its report, or the error that stopped it."""


def replay(  # noqa: PLR0913 -- one argument an option
    ids: Ids = None,
    *,
    kind: Kinds = None,
    fingerprint: Fingerprint = None,
    user: User = None,
    interaction: InteractionId = None,
    since: Since = None,
    until: Until = None,
    event: EventId = None,
    event_type: OfType = None,
    job: JobId = None,
    text: Text = None,
    everything: All = False,
    dry_run: DryRun = False,
    limit: Limit = None,
    rate: Rate = None,
    keep_going: KeepGoing = False,
    reason: Why = None,
    actor: Actor = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Apply the events of dead letters anew; what applies is resolved.

    Replaying twice is safe. With --dry-run all of it is done and undone: the verdicts are those
    of this moment. Exit 1 if an event failed again.
    """
    selection = deliberate(
        chosen(
            ids=ids, kinds=kind, fingerprint=fingerprint, user=user, interaction=interaction,
            since=since, until=until, event=event, event_type=event_type, job=job, text=text,
        ),
        everything=everything,
    )  # fmt: skip
    choice, servers = meant(selection, limit)
    if len(choice.ids) > 1 and not dry_run:
        confirm(f"Replay {len(choice.ids):,} dead letters?", yes=yes)
    act = partial(
        operating.replay, servers, choice.ids, Operator(actor_of(actor), reason, dry_run),
        rate=rate, keep_going=keep_going, balances=None if as_json or dry_run else _SHOWN,
    )  # fmt: skip
    replayed, ended = _replayed(act, len(choice.ids))
    _conclude(replayed, ended, len(choice.absent), dry_run=dry_run, as_json=as_json)


def _replayed(act: Callable[..., ReplayReport], total: int) -> tuple[list[Replayed], Ended]:
    """What became of each letter until the end, or until what cut it short; shows the progress."""
    spend_time_on_events()
    replayed: list[Replayed] = []
    with progress() as bar:
        try:
            return replayed, act(on_batch=_watch(bar, total, replayed))
        except (DatabaseUnavailableError, KeyboardInterrupt) as stop:
            return replayed, stop


def _conclude(
    replayed: Sequence[Replayed],
    ended: Ended,
    absent: int,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show the results, and end with the exit code that they have."""
    report = ended if isinstance(ended, ReplayReport) else None
    if as_json:
        show_json(
            {
                "dry_run": dry_run,
                "interrupted": isinstance(ended, KeyboardInterrupt),
                "away": _away(ended),
                "stopped_by": report.stopped_by if report else None,
                "left_out": report.left_out if report else 0,
                "counts": Counter(one.result for one in replayed),
                "replayed": [asdict(one) for one in replayed],
            }
        )
    else:
        _show(replayed, report, dry_run=dry_run, quiet=bool(absent) or report is None)
    _leave_if_cut_short(ended)
    if absent or not all(one.resolved for one in replayed):
        raise typer.Exit(1)


def _away(ended: Ended) -> dict[str, str]:
    """The server that became unavailable and the reason, as `status` shows it."""
    return {"postgres": str(ended)} if isinstance(ended, DatabaseUnavailableError) else {}


def _leave_if_cut_short(ended: Ended) -> None:
    match ended:
        case KeyboardInterrupt():
            complain(f"signoff: interrupted; {_AS_A_WHOLE}")
            raise typer.Exit(INTERRUPTED)
        case DatabaseUnavailableError():
            complain(f"signoff: {ended}; {_AS_A_WHOLE}: replay the rest when it is back")
            raise typer.Exit(SERVER_AWAY)


def _watch(
    bar: Progress, total: int, replayed: list[Replayed]
) -> Callable[[Sequence[Replayed]], None]:
    """Collect the results, and move the progress bar."""
    task = bar.add_task("Replaying", total=total)

    def on_batch(batch: Sequence[Replayed]) -> None:
        replayed.extend(batch)
        bar.advance(task, len(batch))

    return on_batch


def _show(
    replayed: Sequence[Replayed], report: ReplayReport | None, *, dry_run: bool, quiet: bool
) -> None:
    if replayed:
        show_replayed(replayed[:_SHOWN])
    if len(replayed) > _SHOWN:
        say(f"… and {len(replayed) - _SHOWN:,} more; all of them with --json.")
    if replayed or not quiet:
        say(summary(replayed, dry_run=dry_run))
    if report and report.stopped_by:
        say(
            f"Stopped, since the cause {report.stopped_by} keeps recurring. Remove it first, or go "
            "on with --keep-going."
        )
    if report and report.left_out:
        say(
            f"A dry run looks at so many letters and no more, since it locks them; it did not look "
            f"at the {report.left_out:,} that came after them."
        )


def summary(replayed: Sequence[Replayed], *, dry_run: bool) -> str:
    """A sentence with the numbers of applied letters and of failures by kind."""
    if not replayed:
        return "No dead letter matches."
    resolved = Counter(str(one.result) for one in replayed if one.resolved)
    failed = Counter(str(one.result) for one in replayed if not one.resolved)
    done = f"{resolved.pop('applied', 0):,} {'would apply' if dry_run else 'applied'}"
    parts = [done, *_counts(resolved)]
    if failed:
        again = "would fail again" if dry_run else "failed again"
        parts.append(f"{failed.total():,} {again}: {', '.join(_counts(failed))}")
    begin = (
        "A dry run, nothing changed"
        if dry_run
        else f"Replayed {counted(len(replayed), 'dead letter')}"
    )
    return f"{begin}: {', '.join(parts)}."


def _counts(results: Counter[str]) -> list[str]:
    return [f"{number:,} {result}" for result, number in sorted(results.items())]


def show_replayed(replayed: Sequence[Replayed]) -> None:
    """Show the result of each letter, and the balance of its interaction or customer."""
    show_table(
        ["letter", "event type", "event", "verdict", "before", "after", "message"],
        [
            [
                one.letter_id,
                one.event_type,
                one.event_id,
                one.result,
                _held(one.before),
                _held(one.after),
                one.message,
            ]
            for one in replayed
        ],
    )


def _held(balance: Balance | None) -> str:
    return NOTHING if balance is None else f"{balance.customer_status} {cell(balance.ltv_usd)}"
