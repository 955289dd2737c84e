"""What is kept in words with proposals, their undos and operators' actions."""

from collections.abc import Sequence
from typing import Any, Final

from signoff_insight.transitions.decision_errors import WrongChoiceError

LONGEST_TEXT: Final = 500
"""Characters of a comment or a reason."""


def named(rows: Sequence[Any]) -> dict[str, Any]:
    """What the record says of proposals: of which rules they are, and which are the first."""
    rules = sorted({row.rule for row in rows})
    return {"rules": rules, "first": [str(row.id) for row in rows[:20]]}


def check_text(text: str | None, what: str) -> None:
    """Check a text that is kept with proposals.

    Raises:
        WrongChoiceError: it is blank or too long.
    """
    if text is not None and (len(text) > LONGEST_TEXT or "\0" in text or not text.strip()):
        raise WrongChoiceError(
            f"the {what} must hold 1 to {LONGEST_TEXT} characters that are not blank, and no "
            f"NUL; it has {len(text)}"
        )


def undo_text(rule: str, version: int, why: str) -> str:
    """The reason of the decision that takes an approval back."""
    return f"undo of rule:{rule}@{version}: {why}"[:LONGEST_TEXT]


def undo_reason(text: str, rule: str, version: int, reason: str) -> str | None:
    """Why somebody undid a proposal, from the reason of the decision that takes it back.

    Args:
        text: see `undo_text`.
        rule: that of the proposal.
        version: that of the rule.
        reason: that of the proposal, which stands there if nobody said why.
    """
    if text == undo_text(rule, version, reason):
        return None
    return text.removeprefix(undo_text(rule, version, "")) or None
