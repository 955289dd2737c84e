"""What the pages of transitions show, and what their forms and addresses mean."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import pytest
from rule_backtests import backtest, band

from signoff_ops.transition_rules import Band
from signoff_ops.transition_text import counted, state_text
from signoff_ops.transitions import (
    Choice,
    EffectNow,
    Obstacle,
    ObstacleKind,
    ProposalState,
    Shown,
    ShownProposal,
    WrongChoiceError,
)
from signoff_web.figures.calibration import calibration
from signoff_web.forms import Form
from signoff_web.pages.transition_filters import Filters, choice_of, fields_of
from signoff_web.pages.transition_runs import HEADS, line_of
from signoff_web.pages.transition_words import evidence_of, standing_of

NOW = datetime.now(UTC)
PROPOSAL = ShownProposal(
    id=uuid4(),
    number=1,
    rule="churn-silence",
    version=1,
    user_id="ann",
    from_status="CUSTOMER",
    to_status="CHURNED",
    reason="Silent 214 days",
    evidence={},
    evidence_event=uuid4(),
    rests_on=uuid4(),
    evaluated_at=NOW,
    proposed_at=NOW,
    run=1,
    state=ProposalState.OPEN,
    snoozed_until=None,
    decided_by=None,
    decided_at=None,
    comment=None,
    is_automatic=False,
    event_id=None,
    undo_event_id=None,
    undone_by=None,
    undone_at=None,
    undo_reason=None,
    customer_status="CUSTOMER",
    ltv_usd=Decimal(50),
    obstacle=None,
    effect=None,
    effect_because=None,
    reactivated_at=None,
)


@pytest.mark.parametrize(
    ("changes", "text", "level"),
    [
        ({}, "waiting", "quiet"),
        ({"snoozed_until": NOW + timedelta(days=1)}, "snoozed", "quiet"),
        ({"snoozed_until": NOW - timedelta(days=1)}, "waiting", "quiet"),
        ({"obstacle": Obstacle(ObstacleKind.NEWER_EVENT)}, "out of date", "attention"),
        ({"obstacle": Obstacle(ObstacleKind.REVIEW)}, "held up", "attention"),
        ({"state": ProposalState.REJECTED, "comment": "no"}, "rejected", "quiet"),
        ({"state": ProposalState.OUTDATED, "comment": "new"}, "outdated", "quiet"),
        ({"state": ProposalState.APPROVED, "effect": EffectNow.VOID}, "void", "attention"),
        (
            {
                "state": ProposalState.APPROVED,
                "effect": EffectNow.SUPERSEDED,
                "reactivated_at": NOW,
            },
            "reactivated",
            "attention",
        ),
        (
            {"state": ProposalState.UNDONE, "effect": EffectNow.UNDONE, "reactivated_at": NOW},
            "undone",
            "quiet",
        ),
    ],
)
def test_a_proposal_stands_as_of_now(changes: dict[str, Any], text: str, level: str) -> None:
    """A snooze that has passed is none; what became of an approval counts more than it."""
    found = standing_of(replace(PROPOSAL, **changes))
    assert (found.text, found.level) == (text, level)


def test_a_snooze_that_has_passed_is_not_told_by_commands_either() -> None:
    """It waits again."""
    assert state_text(replace(PROPOSAL, snoozed_until=NOW - timedelta(days=1))) == "waits"
    assert "snoozed" in state_text(replace(PROPOSAL, snoozed_until=NOW + timedelta(days=1)))


@pytest.mark.parametrize("effect", EffectNow)
def test_whatever_became_of_an_approval_has_a_word(effect: EffectNow) -> None:
    """None is missing, and commands say the same one."""
    found = replace(PROPOSAL, state=ProposalState.APPROVED, effect=effect)
    assert standing_of(found).text == state_text(found)


def test_only_what_is_on_its_way_renews_its_page() -> None:
    """An approval or an undo that workers will apply; nothing else changes by itself."""
    on_their_way = {
        effect
        for effect in EffectNow
        if standing_of(replace(PROPOSAL, state=ProposalState.APPROVED, effect=effect)).is_on_its_way
    }
    assert on_their_way == {EffectNow.WAITING, EffectNow.UNDO_WAITING}


def test_counts_end_at_a_bound() -> None:
    """They say so."""
    assert [counted(number) for number in (0, 1999, 2000, 2001)] == [
        "0",
        "1,999",
        "2,000",
        "more than 2,000",
    ]


def test_evidence_is_said_with_its_units() -> None:
    """What people look for first, what is not known not at all, whatever else there is last."""
    found = {
        "x_of_a_scorer": [1],
        "return_probability": 0.0789,
        "expected_revenue_usd": "1234.5",
        "similar": {"customers": 13061, "returned": 1032, "weeks": 26},
        "silent_days": 214,
        "last_purchase_on": None,
        "last_approval_at": "2026-01-31T10:00:00+00:00",
    }
    assert list(evidence_of(found)) == [
        ("Silent, days", "214"),
        ("Last approval", "2026-01-31 10:00:00 UTC"),
        ("Probability to return", "7.9 %"),
        ("Expected revenue", "1,234.50 USD"),
        ("Customers like this one", "13,061, of whom 1,032 returned within 26 weeks"),
        ("X of a scorer", "[1]"),
    ]


def test_filters_are_the_address() -> None:
    """They come back as they were given; what is wrong is said at its field."""
    given = {"shown": "approved", "rule": "churn-silence", "reactivated": "yes", "run": "7"}
    filters = Filters.of(given.items())
    assert filters.wanted.shown is Shown.APPROVED
    assert (filters.wanted.reactivated, filters.wanted.run) == (True, 7)
    assert Filters.of(parse_qsl(filters.url().partition("?")[2])) == filters
    wrong = {"shown": "some", "run": "-1", "reactivated": "no!", "decided_since": "now"}
    assert Filters.of(wrong.items()).errors.keys() == wrong.keys()


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"rule": "a"}, "a"),
        ({"rule": "a", "shown": "waiting"}, "a"),
        ({"rule": "a", "shown": "snoozed"}, None),
        ({"rule": "a", "user_id": "ann"}, None),
        ({}, None),
    ],
)
def test_all_of_a_rule_are_offered_where_a_list_shows_them(
    given: dict[str, str], rule: str | None
) -> None:
    """With another filter the list shows fewer than would be acted on."""
    assert Filters.of(given.items()).only_rule == rule


def test_a_choice_goes_through_a_form_as_it_is() -> None:
    """So what was previewed is what is approved."""
    for choice in (
        Choice.of_rule("churn-silence", datetime(2026, 1, 31, 10, 0, 0, 123456, tzinfo=UTC)),
        Choice.of_ids(uuid4(), uuid4()),
    ):
        fields: dict[str, list[str]] = {}
        for name, value in fields_of(choice):
            fields.setdefault(name, []).append(value)
        assert choice_of(Form(fields)) == choice


def test_a_form_does_not_grow_with_what_is_held_up() -> None:
    """It is named by one text, in whatever order it was found."""
    ids = tuple(uuid4() for _ in range(5000))
    choice = replace(Choice.of_rule("churn-silence"), besides=ids)
    sent = fields_of(choice)
    assert sent == fields_of(replace(choice, besides=ids[::-1]))
    assert sum(len(name) + len(value) for name, value in sent) < 200
    assert sent != fields_of(replace(choice, besides=ids[1:]))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"scope": ["ticked"], "on_page": [str(UUID(int=1))]},
        {"scope": ["page"], "on_page": ["x"]},
        {"scope": ["rule"], "rule": ["a"], "until": ["yesterday"]},
    ],
)
def test_a_form_that_names_nothing_is_refused(fields: dict[str, list[str]]) -> None:
    """Nothing is ticked, or it is not as it was sent out."""
    with pytest.raises(WrongChoiceError):
        choice_of(Form(fields))


def test_a_run_is_a_row_of_numbers() -> None:
    """Those who are left out for several reasons are one number; what is not noted is 0."""
    line = line_of({"matched": 9, "proposed": 4, "left_out": {"review": 2, "dead_letter": 3}})
    assert dict(zip(HEADS, line.numbers, strict=True)) | {"Picked": 9, "Proposed": 4} == {
        **dict.fromkeys(HEADS, 0),
        "Picked": 9,
        "Proposed": 4,
        "Changed or not silent": 5,
    }
    assert line_of({"why_not_automatic": "no backtest"}).note == "no backtest"


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ([band("1", 100, 0.08, 0.09)], "What was expected came"),
        ([band("1", 100, 0.08, 0.09), band("7+", 40, 0.1, 0.3)], "for those who bought on 7"),
        ([band("1", 10, 0.08, 0.9)], "No band has enough customers"),
    ],
)
def test_a_calibration_says_what_it_shows(bands: list[Band], message: str) -> None:
    """Bands that are too small say nothing."""
    found = calibration(backtest(*bands))
    assert found
    assert message in found.heading


def test_without_a_prediction_there_is_no_calibration() -> None:
    """A rule on customers who never bought."""
    assert calibration(backtest(band("0", 100, None, 0.0))) is None
