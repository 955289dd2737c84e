"""Transitions: what rules proposed, and what people decide about it. Pages and commands call these.

The runs of the rules are in `transition_runs.py`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from signoff_db.pages import Page
from signoff_insight.transitions import (
    choosing,
    closing,
    counting,
    deciding,
    proposals,
    switch,
    undoing,
)
from signoff_insight.transitions.choosing import Choice, OnProgress
from signoff_insight.transitions.counting import MOST_COUNTED, RuleCounts, Run
from signoff_insight.transitions.deciding import Decider
from signoff_insight.transitions.decision_errors import (
    OutboxMissingError,
    RunRefusedError,
    StaleDataError,
    SwitchedOffError,
    UnknownProposalError,
    WrongChoiceError,
)
from signoff_insight.transitions.effect import (
    Change,
    Changed,
    Effect,
    LeftOut,
    Move,
    digest_of,
)
from signoff_insight.transitions.evaluation import FREQUENT
from signoff_insight.transitions.obstacles import Obstacle, ObstacleKind
from signoff_insight.transitions.proposals import (
    EffectNow,
    ProposalFilter,
    ProposalState,
    Shown,
    ShownProposal,
)
from signoff_insight.transitions.record import LONGEST_TEXT, check_text
from signoff_insight.transitions.switch import Switch, Turned
from signoff_ops.servers import Servers

__all__ = [
    "FREQUENT",
    "LONGEST_TEXT",
    "MOST_COUNTED",
    "Change",
    "Changed",
    "Choice",
    "Effect",
    "EffectNow",
    "LeftOut",
    "Move",
    "Obstacle",
    "ObstacleKind",
    "OnProgress",
    "OutboxMissingError",
    "Overview",
    "ProposalFilter",
    "ProposalState",
    "RuleCounts",
    "Run",
    "RunRefusedError",
    "Shown",
    "ShownProposal",
    "StaleDataError",
    "Switch",
    "SwitchedOffError",
    "Turned",
    "UnknownProposalError",
    "WrongChoiceError",
    "approve",
    "dated",
    "digest_of",
    "overview",
    "preview",
    "proposal",
    "proposal_ids",
    "proposals_page",
    "reject",
    "runs",
    "set_switch",
    "snooze",
    "switch_now",
    "undo",
]

_MOST: Final = 200
"""The most proposals of a page."""


@dataclass(frozen=True, slots=True)
class Overview:
    """How the rules fare, and whether they may act."""

    switch: Switch
    rules: tuple[RuleCounts, ...]
    """Those that ever proposed something, by name."""
    last_run: Run | None


def proposals_page(
    servers: Servers, wanted: ProposalFilter, cursor: str | None = None, limit: int = 50
) -> Page[ShownProposal]:
    """A page of proposals: those that wait the oldest first, others the latest first.

    Each tells what became of it, and what is in the way of an open one, as of now.

    Raises:
        CursorError: the cursor is none that this list gave.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return proposals.page(connection, wanted, cursor=cursor, limit=min(limit, _MOST))


def proposal(servers: Servers, proposal_id: UUID) -> ShownProposal:
    """One proposal.

    Raises:
        UnknownProposalError: there is none of this id.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        found = proposals.find(connection, proposal_id)
    if found is None:
        raise UnknownProposalError(proposal_id)
    return found


def proposal_ids(servers: Servers, names: Sequence[str]) -> list[UUID]:
    """The ids of proposals that people name by their numbers or ids, in this order.

    Raises:
        UnknownProposalError: one of them is that of no proposal.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return proposals.ids_of(connection, names)


def overview(servers: Servers) -> Overview:
    """How the rules fare, the last run, and the kill switch.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        last = counting.runs_page(connection, limit=1).items
        return Overview(
            switch.read_switch(connection),
            tuple(counting.counts(connection)),
            last[0] if last else None,
        )


def switch_now(servers: Servers) -> Switch:
    """The kill switch as it is.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return switch.read_switch(connection)


def runs(servers: Servers, cursor: str | None = None, limit: int = 50) -> Page[Run]:
    """A page of the runs of the rules, the latest first.

    Raises:
        CursorError: the cursor is none that this list gave.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return counting.runs_page(connection, cursor=cursor, limit=min(limit, _MOST))


def preview(servers: Servers, choice: Choice) -> Effect:
    """What approving these proposals would change now; nothing is written.

    The choice of the effect has a time. Approve that choice, and nothing is approved that was not
    shown; what changed meanwhile is left out.

    Raises:
        WrongChoiceError: it is not one choice.
        SwitchedOffError: transitions are stopped.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return deciding.preview(connection, choice)


def approve(
    servers: Servers,
    choice: Choice,
    actor: str,
    comment: str | None = None,
    *,
    seconds: float | None = None,
    on_progress: OnProgress = lambda _: None,
) -> Effect:
    """Approve proposals; their status decisions are published from the outbox.

    Some are approved in each transaction. Approving the same again approves what is left: what was
    approved stays, once.

    Args:
        servers: where.
        choice: which.
        actor: who.
        comment: a note that is kept with the proposals.
        seconds: begin no transaction after so many; `stopped_because` says that some are left.
        on_progress: told after each transaction.

    Raises:
        WrongChoiceError: it is not one choice, or the comment is too long.
        SwitchedOffError: transitions are stopped; nothing was changed.
        OutboxMissingError: the database has no outbox; nothing was changed.
        DatabaseUnavailableError: Postgres is unavailable; what was committed stays.
    """
    until = None if seconds is None else time.monotonic() + seconds
    with servers.database() as connection:
        return deciding.approve(
            connection,
            choice,
            Decider(actor, comment),
            on_progress=on_progress,
            go_on=lambda: until is None or time.monotonic() < until,
        )


def dated(servers: Servers, choice: Choice) -> Choice:
    """The choice with a time: what is proposed later is not a part of it.

    Raises:
        WrongChoiceError: it is not one choice.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return choosing.dated(connection, choice)


def reject(
    servers: Servers,
    choice: Choice,
    actor: str,
    reason: str,
    *,
    on_progress: OnProgress = lambda _: None,
) -> Changed:
    """Reject open proposals: nothing is proposed about their customers before a new approval.

    Raises:
        WrongChoiceError: it is not one choice, or the reason is blank or too long.
        DatabaseUnavailableError: Postgres is unavailable; what was committed stays.
    """
    with servers.database() as connection:
        return closing.reject(connection, choice, actor, reason, on_progress=on_progress)


def snooze(
    servers: Servers,
    choice: Choice,
    actor: str,
    until: datetime | None,
    *,
    on_progress: OnProgress = lambda _: None,
) -> Changed:
    """Put open proposals off until a time within a year; None shows them again at once.

    Raises:
        WrongChoiceError: it is not one choice, or not such a time.
        DatabaseUnavailableError: Postgres is unavailable; what was committed stays.
    """
    with servers.database() as connection:
        return closing.snooze(connection, choice, actor, until, on_progress=on_progress)


def undo(
    servers: Servers,
    choice: Choice,
    actor: str,
    reason: str | None = None,
    *,
    on_progress: OnProgress = lambda _: None,
) -> Changed:
    """Take approvals back, each by a new status decision; it is void if something newer was given.

    Raises:
        WrongChoiceError: no ids were chosen, or the reason is too long.
        OutboxMissingError: the database has no outbox; nothing was changed.
        DatabaseUnavailableError: Postgres is unavailable; what was committed stays.
    """
    with servers.database() as connection:
        return undoing.undo(connection, choice, actor, reason, on_progress=on_progress)


def set_switch(servers: Servers, actor: str, reason: str | None, *, is_on: bool) -> Turned:
    """Stop all transitions, or let them go on: runs, approvals and automatic decisions.

    Raises:
        WrongChoiceError: they are to be stopped without a reason, or it is too long.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    if not is_on and not (reason or "").strip():
        raise WrongChoiceError("to stop transitions wants a reason; everybody is shown it")
    check_text(reason, "reason")
    with servers.database() as connection:
        return switch.turn(connection, actor, reason, is_on=is_on)
