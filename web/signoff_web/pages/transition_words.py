"""What became of a proposal, in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from signoff_ops.transition_text import EFFECTS
from signoff_ops.transitions import EffectNow, ProposalState, ShownProposal
from signoff_schemas.wording import one_decimal

_LEVELS: Final[Mapping[EffectNow, str]] = {
    EffectNow.REFUSED: "trouble",
    EffectNow.DEAD_LETTER: "trouble",
    EffectNow.APPLIED: "ok",
    EffectNow.VOID: "attention",
}
"""Of the others it is quiet."""
_ON_ITS_WAY: Final = frozenset({EffectNow.WAITING, EffectNow.UNDO_WAITING})
_HAD_EFFECT: Final = frozenset({EffectNow.APPLIED, EffectNow.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class Standing:
    """How a proposal stands."""

    text: str
    """In a word or two."""
    level: str
    """`ok`, `attention`, `trouble` or `quiet`."""
    because: str | None = None
    """A sentence without its end."""
    is_on_its_way: bool = False
    """Whether its decision, or its undo, is to be applied soon."""


def standing_of(proposal: ShownProposal) -> Standing:
    """How a proposal stands now."""
    match proposal.state:
        case ProposalState.OPEN:
            return _open(proposal)
        case ProposalState.REJECTED:
            return Standing("rejected", "quiet", proposal.comment)
        case ProposalState.OUTDATED:
            return Standing("outdated", "quiet", proposal.comment)
        case ProposalState.APPROVED | ProposalState.UNDONE:
            return _decided(proposal)


def _open(proposal: ShownProposal) -> Standing:
    obstacle = proposal.obstacle
    if obstacle is not None:
        text = "out of date" if obstacle.kind.outdates else "held up"
        return Standing(text, "attention", str(obstacle))
    return Standing("snoozed" if proposal.is_snoozed else "waiting", "quiet")


def _decided(proposal: ShownProposal) -> Standing:
    effect = proposal.effect or EffectNow.WAITING
    text, level = EFFECTS[effect], _LEVELS.get(effect, "quiet")
    if proposal.reactivated_at is not None and effect in _HAD_EFFECT:
        text, level = "reactivated", "attention"
    return Standing(text, level, proposal.effect_because, is_on_its_way=effect in _ON_ITS_WAY)


_EVIDENCE: Final[Mapping[str, str]] = {
    "silent_days": "Silent, days",
    "approvals": "Approvals",
    "approvals_in_status": "Approvals in this status",
    "ctas": "Approvals with a CTA",
    "purchase_days": "Days with a purchase",
    "first_purchase_on": "First purchase",
    "last_purchase_on": "Last purchase",
    "last_approval_at": "Last approval",
    "last_event_at": "Last event",
    "status_since": "Has the status since",
    "spent_usd": "Spent",
    "ltv_usd": "LTV then",
    "return_probability": "Probability to return",
    "expected_revenue_usd": "Expected revenue",
    "similar": "Customers like this one",
}


def evidence_of(evidence: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a rule found, by name, in words; first what people look for."""
    known = [name for name in _EVIDENCE if evidence.get(name) is not None]
    others = [name for name in evidence if name not in _EVIDENCE and evidence[name] is not None]
    for name in (*known, *others):
        label = _EVIDENCE.get(name, name.replace("_", " ").capitalize())
        yield label, _value(name, evidence[name])


def _value(name: str, value: Any) -> str:  # noqa: ANN401 -- whatever JSON holds
    match value:
        case {"customers": int(customers), "returned": int(returned), "weeks": int(weeks)}:
            text = f"{customers:,}, of whom {returned:,} returned within {weeks} weeks"
        case int() | float() if name.endswith("probability"):
            text = f"{one_decimal(100 * value)} %"
        case int() | float():
            text = f"{value:,}"
        case str() if name.endswith("_usd"):
            text = _usd(value)
        case str() if name.endswith(("_at", "_since")):
            text = _instant(value)
        case str():
            text = value
        case _:
            text = json.dumps(value, ensure_ascii=False)
    return text


def _usd(text: str) -> str:
    try:
        return f"{Decimal(text):,.2f} USD"
    except InvalidOperation:
        return text


def _instant(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment.tzinfo else text
