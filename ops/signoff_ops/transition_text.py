"""Transitions in words: the same on pages and in commands."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from signoff_ops.transitions import (
    FREQUENT,
    MOST_COUNTED,
    Changed,
    Effect,
    EffectNow,
    ObstacleKind,
    ProposalState,
    RuleCounts,
    Run,
    ShownProposal,
    Switch,
)
from signoff_schemas.wording import count, one_decimal

EFFECTS: Final[Mapping[EffectNow, str]] = {
    EffectNow.WAITING: "approved, not applied yet",
    EffectNow.REFUSED: "refused by the queue",
    EffectNow.DEAD_LETTER: "a dead letter",
    EffectNow.APPLIED: "applied",
    EffectNow.SUPERSEDED: "superseded",
    EffectNow.VOID: "void",
    EffectNow.UNDO_WAITING: "undone, not applied yet",
    EffectNow.UNDONE: "undone",
}
"""What became of an approval, in a word or two."""
_LEFT_OUT: Final = {
    ObstacleKind.NEWER_EVENT: "there is a newer event than the rule knew",
    ObstacleKind.OTHER_STATUS: "an event that arrived late gave another status",
    ObstacleKind.OTHER_AMOUNT: "an event that arrived late gave another LTV",
    ObstacleKind.OTHER_DECISION: "another decision is on its way",
    ObstacleKind.DEAD_LETTER: "an event is a dead letter",
    ObstacleKind.REVIEW: "a reply waits, or is on its way",
    ObstacleKind.AHEAD: "there is an event in the future",
    ObstacleKind.DECIDED: "approved or rejected already",
    ObstacleKind.UNDONE: "undone already",
    ObstacleKind.OUTDATED: "outdated already",
    ObstacleKind.NOT_APPROVED: "not approved",
    ObstacleKind.WITHOUT_EFFECT: "no effect any more",
    ObstacleKind.NOT_SNOOZED: "not snoozed, so shown already",
    ObstacleKind.UNKNOWN: "not known",
}

LATER_LEFT_OUT: Final = (
    "Customers with an event after that time are left out; they are not counted here."
)
"""What is said of a run for a time in the past."""


def state_text(proposal: ShownProposal) -> str:
    """What became of a proposal, as of now."""
    return "; ".join(_state(proposal))


def _state(proposal: ShownProposal) -> Iterator[str]:
    match proposal.state:
        case ProposalState.OPEN if proposal.is_snoozed:
            yield f"snoozed until {proposal.snoozed_until:%Y-%m-%d %H:%M} UTC"
        case ProposalState.OPEN:
            yield "waits"
        case ProposalState.REJECTED:
            yield f"rejected: {proposal.comment}"
        case ProposalState.OUTDATED:
            yield f"outdated: {proposal.comment}"
    if proposal.obstacle:
        yield f"cannot be approved now: {proposal.obstacle}"
    if proposal.effect:
        why = f" ({proposal.effect_because})" if proposal.effect_because else ""
        yield f"{EFFECTS[proposal.effect]}{why}"
    if proposal.undo_reason:
        yield f"undone because: {proposal.undo_reason}"
    if proposal.reactivated_at:
        yield f"reactivated: the customer came back on {proposal.reactivated_at:%Y-%m-%d}"


def effect_lines(effect: Effect, *, done: bool) -> Iterator[str]:
    """The effect of approving, line by line; `done` if it was done, else what it would be."""
    was = "approved" if done else "would be approved"
    yield f"{count(effect.changed, 'proposal')} {was}."
    for move in effect.moves:
        yield f"{move.rule}: {move.customers:,} from {move.from_status} to {move.to_status}"
    yield from _first_lines(effect)
    if effect.changed:
        yield f"Their LTV is {effect.ltv_usd:,.2f} USD in all."
        if known := effect.changed - effect.without_forecast:
            yield (
                f"The forecast knows {known:,} of them: it expects "
                f"{one_decimal(effect.expected_returns)} to return, and "
                f"{effect.expected_revenue_usd:,.2f} USD."
            )
    yield from expectation_notes(effect)
    yield from left_out_lines(effect)


def _first_lines(effect: Effect) -> Iterator[str]:
    """What happens to each of the first customers."""
    for each in effect.first:
        ltv = "" if each.ltv_usd is None else f", LTV {each.ltv_usd:,.2f} USD"
        yield f"  {each.user_id}: {each.from_status} to {each.to_status}{ltv} ({each.rule})"
    if more := effect.changed - len(effect.first):
        yield f"  and {more:,} more"


def expectation_notes(effect: Effect) -> Iterator[str]:
    """What the forecast does not say of those who are approved."""
    if effect.with_similar:
        yield (
            f"Similar customers are known for {effect.with_similar:,} of them: if they do the "
            f"same, {one_decimal(effect.returns_of_similar)} return."
        )
    if effect.frequent:
        yield (
            f"{effect.frequent:,} of them bought on {FREQUENT} days or more: the forecast gives up "
            "frequent buyers too soon, so it expects too little of them. Look at the rule's "
            "backtest."
        )


def left_out_lines(changed: Changed) -> Iterator[str]:
    """What was left out, and why; and whether all was looked at."""
    for kind, number in sorted(changed.obstacles.items()):
        yield left_out_text(kind, number)
    if changed.stopped_because:
        yield f"Not all were looked at: {changed.stopped_because}"


def left_out_text(kind: ObstacleKind, number: int) -> str:
    """How many were left out for one reason."""
    now = ", outdated now" if kind.outdates else ""
    return f"{number:,} left out{now}: {_LEFT_OUT[kind]}."


def counted(number: int) -> str:
    """A count of proposals, which ends at a bound."""
    return f"{number:,}" if number <= MOST_COUNTED else f"more than {MOST_COUNTED:,}"


def counts_text(counts: RuleCounts) -> str:
    """How a rule fares, in one line."""
    share = counts.reactivated_share
    came_back = (
        "no decision of it has effect"
        if share is None
        else f"of {_latest(counts)}{count(counts.had_effect, 'decision')} with effect, the "
        f"customers of {counts.reactivated:,} came back ({100 * share:.1f} %)"
    )
    return f"{counts.rule}: {', '.join(_counted(counts)) or 'nothing yet'}; {came_back}"


def _latest(counts: RuleCounts) -> str:
    """What is said where not all approvals were looked at."""
    return "the latest " if counts.approved > MOST_COUNTED else ""


def _counted(counts: RuleCounts) -> Iterator[str]:
    """How many proposals are in which state; nothing is said of states without any."""
    approved = {
        "automatically": counts.automatic,
        "undone": counts.undone,
        "void": counts.void,
    }
    of_these = ", ".join(f"{counted(number)} {what}" for what, number in approved.items() if number)
    numbers = {
        "wait": counts.waiting,
        "snoozed": counts.snoozed,
        f"approved ({of_these})" if of_these else "approved": counts.approved,
        "rejected": counts.rejected,
        "outdated": counts.outdated,
    }
    for what, number in numbers.items():
        if number:
            yield f"{counted(number)} {what}"


def run_lines(run: Run) -> Iterator[str]:
    """What a run did, rule by rule."""
    yield f"Run {run.id}, customers as of {run.at:%Y-%m-%d %H:%M} UTC."
    for name, found in run.result.items():
        yield f"{name}: {'; '.join(_done(found))}"
        if found["why_not_automatic"]:
            yield f"{name} only proposes: {found['why_not_automatic']}"
    if run.is_of_past:
        yield LATER_LEFT_OUT
    if run.message:
        yield f"It ended early: {run.message}"


def _done(found: Mapping[str, Any]) -> Iterator[str]:
    """What a run did by one rule; nothing is said of what it did not."""
    yield f"{count(found['matched'], 'customer')} picked"
    numbers = {
        "proposed": found["proposed"],
        "decided": found["decided"],
        "proposed or decided before": found["known"],
        "held after a person's decision": found["held"],
        "beyond the cap": found["capped"],
        "proposed before and outdated now": found["outdated"],
    }
    for what, number in numbers.items():
        if number or what == "proposed":
            yield f"{number:,} {what}"
    for kind, number in sorted(found["left_out"].items()):
        if number:
            yield f"{number:,} left out: {_LEFT_OUT[ObstacleKind(kind)]}"


def switch_text(switch: Switch) -> str:
    """Whether transitions go on, in one line."""
    if switch.changed_at is None:
        return "Transitions are on."
    since = f"since {switch.changed_at:%Y-%m-%d %H:%M} UTC, by {switch.changed_by}"
    why = f": {switch.reason}" if switch.reason else ""
    return f"Transitions are {'on' if switch.is_on else 'stopped'} {since}{why}"
