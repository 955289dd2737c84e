"""What to do about dead letters: said once, for each kind, and the same in the docs."""

from pathlib import Path

import pytest

from signoff_ops.runbook import CODES, KINDS, advice_on, rows
from signoff_schemas import ApprovalEvent, FailureKind, InvalidEvent

_PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_every_kind_has_advice() -> None:
    """With all its parts, and a command."""
    assert set(KINDS) == set(FailureKind)
    for advice in [*KINDS.values(), *CODES.values()]:
        texts = (advice.means, advice.over, advice.do, advice.replay)
        assert all(text.endswith(".") for text in texts), advice.name
        assert all("{id}" in command for command in advice.commands), advice.name
        assert advice.commands, advice.name


def test_the_docs_hold_the_same_table() -> None:
    """Each row of the code is a row of docs/operations.md, in this order."""
    lines = _PAGE.read_text("utf-8").splitlines()
    begin = lines.index("| dead letter | it means | it is over when | do | a replay helps |") + 2
    shown = lines[begin : begin + len(rows()) + 1]

    assert shown[-1] == ""
    assert shown[:-1] == [f"| {' | '.join(row)} |" for row in rows()]


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (b"\x80", "Not an event at all"),
        (b"[]", "Not an event at all"),
        (b"{" + b" " * 300_000, "Larger than any event"),
        (b'{"event_id": 1}', "It breaks the contract and names no event"),
    ],
)
def test_advice_follows_what_is_wrong(payload: bytes, name: str) -> None:
    """A payload that names no event cannot be resolved by a later one."""
    with pytest.raises(InvalidEvent) as refused:
        ApprovalEvent.parse(payload)
    assert advice_on(refused.value.kind, refused.value.detail, named=False).name == name


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"x": 1}, "A field that the contract does not have"),
        ({"quality_score": None}, "A field is missing"),
        ({"quality_score": 9}, "A field breaks the contract"),
        ({"occurred_at": "9990-01-01T00:00:00Z"}, "It seems to lie in the future"),
        ({"cta_data": {"x": "y" * 5000}}, "A field breaks the contract"),
        ({"schema_version": 2}, "A newer version of the contract"),
    ],
)
def test_advice_follows_the_first_field(fields: dict[str, object], name: str) -> None:
    """By the code of its error; a field that is too large is no payload that is too large."""
    event = {
        "event_id": "6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11",
        "occurred_at": "2026-01-31T10:00:00Z",
        "interaction_id": "6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e12",
        "final_bubbles": ["hello"],
        "quality_score": 4,
    }
    given = {name: value for name, value in {**event, **fields}.items() if value is not None}
    with pytest.raises(InvalidEvent) as refused:
        ApprovalEvent.parse(given)
    assert advice_on(refused.value.kind, refused.value.detail).name == name
