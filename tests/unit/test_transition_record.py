"""What is kept in words with proposals."""

import pytest

from signoff_insight.transitions.record import LONGEST_TEXT, undo_reason, undo_text

REASON = "Silent 200 days; bought once"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, None),
        ("she called: twice", "she called: twice"),
        ("Silent", "Silent"),
        ("x" * LONGEST_TEXT, "x" * (LONGEST_TEXT - len("undo of rule:churn@3: "))),
    ],
)
def test_why_a_proposal_was_undone_is_what_somebody_said(
    said: str | None, expected: str | None
) -> None:
    """Not the reason of the proposal, but a beginning of that if somebody said just this."""
    text = undo_text("churn", 3, said or REASON)
    assert undo_reason(text, "churn", 3, REASON) == expected


def test_a_long_reason_of_the_proposal_is_not_what_somebody_said() -> None:
    """It is cut off in the decision."""
    reason = "y" * LONGEST_TEXT
    assert undo_reason(undo_text("churn", 3, reason), "churn", 3, reason) is None
