"""Rules of transitions: what a file may hold, and how each mistake in it is named."""

import json
import re
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_transitions import a_standing

from signoff_insight.transitions.errors import Mistake, RulesError
from signoff_insight.transitions.evidence import evidence_of
from signoff_insight.transitions.picking import Pick, Similar, why_a_person
from signoff_insight.transitions.rules import RuleSet, default_rules, load_rules, read_rules
from signoff_insight.transitions.wording import described, reason_of
from signoff_schemas import Settings, SettingsError

AT = datetime(2026, 1, 1, tzinfo=UTC)


def rule(**changes: Any) -> dict[str, Any]:
    """A rule as a file holds it, with changes; None leaves a key out."""
    held = {
        "name": "churn",
        "version": 1,
        "from": ["CUSTOMER"],
        "to": "CHURNED",
        "cap": 10,
        "hold_days": 30,
        "max_wrong": 0.1,
        "when": {"min_silent_days": 180},
    } | changes
    return {key: value for key, value in held.items() if value is not None}


def rules(*held: dict[str, Any], **changes: Any) -> RuleSet:
    """A set of rules."""
    return RuleSet.of({"format": 1, "rule": list(held), **changes}, "rules.toml")


def mistakes(*held: dict[str, Any], **changes: Any) -> list[str]:
    """What is wrong with a set of rules."""
    with pytest.raises(RulesError) as caught:
        rules(*held, **changes)
    return [str(mistake) for mistake in caught.value.mistakes]


def refusal(held: dict[str, Any]) -> tuple[Mistake, ...] | None:
    """What is wrong with what a file held; None if nothing."""
    try:
        RuleSet.of(held, "rules.toml")
    except RulesError as error:
        return error.mistakes
    return None


def test_default_rules_propose_only() -> None:
    """An installation without rules of its own never decides anything by itself."""
    found = default_rules()
    assert [each.name for each in found.rules] == [
        "churn-silence",
        "exhaust-lead",
        "exhaust-prospect",
        "reactivate",
    ]
    assert {each.mode for each in found.rules} == {"propose"}


def test_without_a_file_the_default_rules_apply(tmp_path: Path) -> None:
    """A setting names another file."""
    assert load_rules(Settings()) == default_rules()
    file = tmp_path / "rules.toml"
    file.write_text(
        'format = 1\n[[rule]]\nname = "a"\nversion = 2\nfrom = ["PROSPECT"]\nto = "CHURNED"\n'
        "cap = 1\nhold_days = 0\nmax_wrong = 0\nwhen = {min_silent_days = 3}\n",
        "utf-8",
    )
    assert load_rules(Settings(transitions_rules=file)).rule("a").decided_by == "rule:a@2"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Also where it is no text, or far too long."""
    with pytest.raises(SettingsError, match=r"missing\.toml cannot be read: No such file"):
        read_rules(tmp_path / "missing.toml")
    file = tmp_path / "rules.toml"
    file.write_bytes(b"\xff")
    with pytest.raises(RulesError, match="must be text in UTF-8"):
        read_rules(file)
    file.write_bytes(b"#" * 300_000)
    with pytest.raises(RulesError, match="must have at most 262,144 bytes"):
        read_rules(file)
    file.write_text("format = ", "utf-8")
    with pytest.raises(RulesError, match=r"rules\.toml: is not TOML"):
        read_rules(file)


def test_each_mistake_is_named_with_rule_key_found_and_allowed() -> None:
    """All mistakes of a file are said at once."""
    found = mistakes(
        rule(version="1", cap=0, surprise=1, when={"min_silent": 3, "max_ltv_usd": 3.5}),
        rule(name="Two words", to="LOST", max_wrong=float("nan")),
        rule(name=None, **{"from": ["CUSTOMER", "BUYER"]}),
        format=2,
        scorer="a b",
    )
    assert found[0] == "format must be 1; found 2"
    assert found[1].startswith("scorer must be the name of a scorer")
    assert "rule churn: version must be a whole number; found '1'" in found
    assert "rule churn: cap must be at least 1; found 0" in found
    assert any(each.startswith("rule churn: surprise is no key of a rule; there") for each in found)
    assert any("when.min_silent is no key of when (is min_silent_days meant?)" in e for e in found)
    assert any(
        each.startswith("rule churn: when.max_ltv_usd must be an amount as text") for each in found
    )
    assert "rule Two words: max_wrong must be a finite number; found nan" in found
    assert "rule number 3: name is required" in found
    assert any(each.startswith("rule number 3: from[1] must be 'PROSPECT'") for each in found)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("scorer = 0x" + "f" * 9_000, "scorer must be text; found a number with too many digits"),
        ("scorer = " + "9" * 9_000, "holds a number with too many digits"),
    ],
)
def test_a_number_that_python_does_not_write_is_refused(key: str, said: str) -> None:
    """It has a limit of some thousand digits."""
    with pytest.raises(RulesError, match=re.escape(said)):
        RuleSet.parse(f"format = 1\n{key}", "rules.toml")


def test_names_of_fields_in_python_are_no_keys() -> None:
    """A key has one name alone."""
    held = rule() | {"to_status": "CHURNED"}
    del held["to"]
    found = mistakes(held)
    assert "rule churn: to is required" in found
    assert any("to_status is no key of a rule" in each for each in found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": "CUSTOMER"}, "to must be another status than those of from; found CUSTOMER"),
        ({"from": ["CUSTOMER", "CUSTOMER"]}, "from must hold each status once"),
        ({"when": {}}, "when must hold a threshold, such as min_silent_days"),
        (
            {"when": {"min_approvals": 3, "max_approvals": 2}},
            "when.max_approvals must be at least min_approvals, 3; found 2",
        ),
        (
            {"mode": "automatic", "from": ["PROSPECT"], "to": "CUSTOMER"},
            'mode must be "propose": nobody becomes CUSTOMER by a rule alone; found automatic',
        ),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str) -> None:
    """It is well formed, and cannot be meant."""
    assert mistakes(rule(**changes)) == [f"rule churn: {said}"]


def test_two_rules_cannot_have_one_name() -> None:
    """The name signs decisions."""
    assert mistakes(rule(), rule()) == [
        "rule churn: name must be another name than that of any other rule"
    ]


BACK: dict[str, Any] = {"name": "back", "from": ["CHURNED"], "to": "LEAD_QUALIFIED"}


def test_leaving_churned_is_harder_than_entering_it() -> None:
    """Hysteresis: else two rules would move the same customers to and fro."""
    good = {"min_approvals_in_status": 2, "max_silent_days": 90}
    assert len(rules(rule(), rule(**BACK, when=good)).rules) == 2
    of = "out of CHURNED"
    out_of = f"for a rule {of}"
    assert mistakes(rule(), rule(**BACK, when=good | {"min_approvals_in_status": 1})) == [
        f"rule back: when.min_approvals_in_status must be at least 2 {out_of}; found 1"
    ]
    too_long = (
        f"rule back: when.max_silent_days must be at most 90 {out_of}: half of the silence after "
        "which customers are given up"
    )
    assert mistakes(rule(), rule(**BACK, when=good | {"max_silent_days": 91})) == [
        f"{too_long}; found 91"
    ]
    assert mistakes(rule(), rule(**BACK, when={"min_approvals_in_status": 2})) == [too_long]
    assert mistakes(rule(), rule(**BACK, when=good, mode="automatic")) == [
        f'rule back: mode must be "propose" {out_of}: people take customers back; found automatic'
    ]
    assert mistakes(rule(when={"max_approvals": 3}), rule(**BACK, when=good)) == [
        f"rule churn: when.min_silent_days is required, since rule back takes customers {of}"
    ]


def test_the_content_of_a_rule_holds_all_that_decides_whom_it_picks() -> None:
    """Another scorer or horizon is another content, for which the version has to be raised."""
    found = rules(rule(), returned_within_weeks=20)
    assert found.content(found.rules[0]) == rule(mode="propose") | {
        "scorer": "mbg_nbd",
        "returned_within_weeks": 20,
    }


@given(st.data())
def test_whatever_a_file_holds_it_is_read_or_refused_with_mistakes(data: st.DataObject) -> None:
    """No value of TOML ends in another error."""
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda held: st.lists(held, max_size=3) | st.dictionaries(st.text(max_size=5), held),
        max_leaves=5,
    )
    keys = st.sampled_from(["format", "scorer", "high_value_usd", "rule", "\n\0"])
    held = {"format": 1, "rule": [rule()]} | data.draw(st.dictionaries(keys, values))
    inner = st.sampled_from([*rule(), "mode", "x"])
    if isinstance(held["rule"], list) and held["rule"] == [rule()]:
        held["rule"] = [rule() | data.draw(st.dictionaries(inner, values))]
    found = refusal(held)
    assert found is None or found
    assert all(str(mistake).isprintable() for mistake in found or ())


def test_a_rule_in_words() -> None:
    """What `check` says of it."""
    text = described(default_rules().rule("churn-silence"))
    assert text == (
        "Customers who are CUSTOMER become CHURNED if they had no approval for at least 180 days. "
        "It proposes at most 200 a run; people decide. Whom a person gave a status, it leaves "
        "alone for 90 days. A backtest passes if at most 10 % of its picks buy later."
    )


def test_a_pick_in_words() -> None:
    """The reason of a proposal: silence, purchases, what became of such customers, revenue."""
    found = default_rules().rules[0]
    pick = Pick(found, a_standing(), None, Decimal("3.10"), Similar(13_061, 1_032, 26))
    assert reason_of(pick, AT) == (
        "Silent 214 days; bought once; of 13,061 such customers 7.9 % returned within 26 weeks; "
        "expected revenue 3.10 USD"
    )
    often = Pick(found, a_standing(purchase_days=6), 0.0004, Decimal("0.01"), None)
    assert reason_of(often, AT) == (
        "Silent 214 days; bought on 6 days; P(return) less than 0.1 %, too low for frequent "
        "buyers; expected revenue 0.01 USD"
    )
    of_a_scorer = Pick(found, a_standing(purchase_days=6), 0.25, None, None)
    assert reason_of(of_a_scorer, AT) == "Silent 214 days; bought on 6 days; P(return) 25.0 %"
    never = Pick(found, a_standing(purchase_days=0), None, None, None)
    assert reason_of(never, AT) == "Silent 214 days; never bought"


def test_a_pick_of_a_rule_that_takes_customers_back_says_that_they_write_again() -> None:
    """Silence is no reason for it."""
    back = default_rules().rule("reactivate")
    standing = a_standing(customer_status="CHURNED", approvals_in_status=3, purchase_days=2)
    assert reason_of(Pick(back, standing, None, None, None), AT) == (
        "Answered 3 times since it was CHURNED, last 214 days ago; bought on 2 days"
    )
    several = described(back)
    assert "if they had an approval at most 30 days ago and have at least 2 approvals" in several


def test_the_evidence_of_a_pick_is_json() -> None:
    """Also where as good as no revenue is expected."""
    found = default_rules().rules[0]
    pick = Pick(found, a_standing(), 0.001, Decimal("0.00"), Similar(13, 1, 26))
    held = json.loads(json.dumps(evidence_of(pick, AT)))
    assert held["expected_revenue_usd"] == "0.00"
    assert held["last_approval_at"].endswith("Z")
    assert held["similar"] == {"customers": 13, "returned": 1, "weeks": 26}


def test_people_decide_about_frequent_buyers_and_high_value() -> None:
    """Whatever the mode of a rule is."""
    found = default_rules()
    assert why_a_person(found, a_standing()) is None
    assert why_a_person(found, a_standing(purchase_days=2)) == "the customer bought on 2 days"
    for changes in ({"ltv_usd": Decimal(500)}, {"spent_usd": Decimal(500)}):
        assert why_a_person(found, a_standing(**changes)) == (
            "the customer is worth 500.00 USD or more"
        )
    assert "detached partitions" in str(why_a_person(found, a_standing(is_whole=False)))


def test_the_default_file_says_every_key() -> None:
    """Who copies it sees what a file may hold, but for thresholds."""
    text = (Path(__file__).parents[2] / "insight/signoff_insight/transitions").joinpath(
        "default_rules.toml"
    )
    held = tomllib.loads(text.read_text("utf-8"))
    fields = {field.alias or name for name, field in RuleSet.model_fields.items()}
    assert set(held) == fields
