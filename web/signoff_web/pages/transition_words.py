"""What became of a proposal, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from signoff_ops.transition_evidence import evidence_in_words
from signoff_ops.transition_text import EFFECTS
from signoff_ops.transitions import EffectNow, ProposalState, ShownProposal
from signoff_schemas.wording import in_utc

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


def evidence_of(evidence: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a rule found, by name, in words; times are in UTC."""
    for name, value in evidence_in_words(evidence):
        text = value if isinstance(value, str) else in_utc(value)
        yield name[:1].upper() + name[1:], text
