"""`signoff transitions approve | reject | snooze | undo`."""

from collections.abc import Callable
from typing import Annotated

import typer

from signoff_cli.dlq.acting import Actor, DryRun, Reason, actor_of
from signoff_cli.errors import UsageError
from signoff_cli.terminal import AsJson, Yes, complain, confirm, progress, say, show_json
from signoff_cli.transitions.choosing import AllOfRule, Numbers, Until, ahead, choice_of
from signoff_ops import transitions
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.transition_data import changed_data
from signoff_ops.transition_text import effect_lines, left_out_lines
from signoff_ops.transitions import Changed, Effect, OnProgress
from signoff_schemas.wording import count


def approve(
    numbers: Numbers = None,
    *,
    rule: AllOfRule = None,
    until: Until = None,
    comment: Annotated[str | None, typer.Option(help="A note, kept with the proposals.")] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Approve proposals: show the effect, ask, and publish their status decisions.

    Proposals whose customers changed since are left out and become outdated. Exit 1 if some were
    left out.
    """
    servers = DirectServers(load_settings())
    effect = transitions.preview(servers, choice_of(servers, numbers, rule, until))
    if dry_run or not effect.changed:
        _show_effect(effect, as_json=as_json, done=False)
        raise typer.Exit(_exit_code(effect))
    if not yes:
        for line in effect_lines(effect, done=False):
            complain(line)
    confirm(f"Approve {count(effect.changed, 'proposal')}?", yes=yes)
    done = _with_progress(
        effect.changed + effect.left_out_in_all,
        lambda on_progress: transitions.approve(
            servers, effect.approvable, actor_of(actor), comment, on_progress=on_progress
        ),
    )
    _show_effect(done, as_json=as_json, done=True)
    if effect.held_up:
        left = count(len(effect.held_up), "proposal")
        complain(f"{left} left out that may be approved later: --dry-run tells why.")
        raise typer.Exit(1)
    raise typer.Exit(_exit_code(done))


def reject(
    numbers: Numbers = None,
    *,
    reason: Reason,
    rule: AllOfRule = None,
    until: Until = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Reject proposals: nothing is proposed about their customers before a new approval.

    Exit 1 if some were not open any more.
    """
    servers = DirectServers(load_settings())
    choice = choice_of(servers, numbers, rule, until)
    done = transitions.reject(servers, choice, actor_of(actor), reason)
    _show_changed(done, "rejected", as_json=as_json)


def snooze(
    numbers: Numbers = None,
    *,
    until_: Annotated[
        str | None,
        typer.Option("--for", metavar="WHEN", help="For so long, or until: 7d, 2026-01-31T10:00."),
    ] = None,
    wake: Annotated[bool, typer.Option("--wake", help="Show them again at once.")] = False,
    rule: AllOfRule = None,
    until: Until = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Put proposals off: until then they are not listed among those that wait.

    Exit 1 if some were not open any more.
    """
    if (until_ is None) is not wake:
        raise UsageError("say for how long with --for, such as --for 7d, or --wake")
    servers = DirectServers(load_settings())
    choice = choice_of(servers, numbers, rule, until)
    then = None if until_ is None else ahead(until_, "--for")
    done = transitions.snooze(servers, choice, actor_of(actor), then)
    _show_changed(done, "shown again" if wake else "snoozed", as_json=as_json)


def undo(
    numbers: Numbers = None,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for people to read.")] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Take approvals back: each by a new status decision, to the status before.

    It has no effect if something newer was given since. Exit 1 if some were left out.
    """
    servers = DirectServers(load_settings())
    choice = choice_of(servers, numbers, None, None)
    done = transitions.undo(servers, choice, actor_of(actor), reason)
    _show_changed(done, "undone", as_json=as_json)


def _with_progress(total: int, work: Callable[[OnProgress], Effect]) -> Effect:
    with progress() as bar:
        task = bar.add_task("Proposals", total=total)
        return work(lambda seen: bar.update(task, completed=seen))


def _show_effect(effect: Effect, *, as_json: bool, done: bool) -> None:
    if as_json:
        show_json({"done": done, **changed_data(effect)})
        return
    for line in effect_lines(effect, done=done):
        say(line)


def _show_changed(changed: Changed, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(changed_data(changed))
    else:
        say(f"{count(changed.changed, 'proposal')} {what}.")
        for line in left_out_lines(changed):
            say(line)
    raise typer.Exit(_exit_code(changed))


def _exit_code(changed: Changed) -> int:
    return int(bool(changed.left_out_in_all or changed.stopped_because))
