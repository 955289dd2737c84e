"""`signoff transitions check | backtest`: what rules do, and what they would have done."""

from datetime import date
from pathlib import Path

import pytest
import silence_by_hand
from cdnow import cdnow_events
from command_line import Signoff
from insight import apply_all

from signoff_db.connection import connect

RULE = """
[[rule]]
name = "churn"
version = 1
from = ["CUSTOMER"]
to = "CHURNED"
cap = 10
hold_days = 30
max_wrong = 0.2
when = {min_silent_days = 180, max_purchase_days = 1}
"""


@pytest.fixture
def command(tmp_path: Path) -> Signoff:
    """The command line without any server."""
    return Signoff(tmp_path, {"TZ": "UTC"})


@pytest.fixture(scope="module")
def cdnow_url(module_database_url: str) -> str:
    """The URL of a database with the purchases of the CDNOW sample."""
    apply_all(module_database_url, [e for e in cdnow_events() if e.ltv_amount is not None])
    return module_database_url


@pytest.fixture
def transitions(tmp_path: Path, cdnow_url: str) -> Signoff:
    """The command line on this database."""
    return Signoff(tmp_path, {"SIGNOFF_DATABASE_URL": cdnow_url, "TZ": "UTC"})


def test_check_says_what_the_default_rules_do(command: Signoff) -> None:
    """It needs no server."""
    text = command("transitions", "check").stdout
    assert "churn-silence, version 1, mode propose" in text
    assert "Customers who are CUSTOMER become CHURNED if they had no approval for at" in text
    assert "default_rules.toml: 4 rules, nothing wrong" in text
    found = command.json("transitions", "check")
    assert found["is_valid"]
    assert [rule["name"] for rule in found["rules"]][:2] == ["churn-silence", "exhaust-lead"]


def test_check_names_every_mistake(command: Signoff, tmp_path: Path) -> None:
    """With the file, the rule, the key, what was found and what is allowed; exit 1."""
    file = tmp_path / "rules.toml"
    file.write_text(f"format = 1\nscorer = 3\n{RULE}surprise = true\n", "utf-8")
    ended = command("transitions", "check", "rules.toml", expect=1)
    assert "rules.toml: scorer must be text; found 3" in ended.stderr
    assert "rules.toml: rule churn: surprise is no key of a rule" in ended.stderr
    found = command.json("transitions", "check", "rules.toml", expect=1)
    assert not found["is_valid"]
    assert found["mistakes"][0] == {
        "rule": None,
        "key": "scorer",
        "allowed": "must be text",
        "found": "3",
    }
    ended = command("transitions", "check", "missing.toml", expect=2)
    assert "missing.toml cannot be read: No such file" in ended.stderr


def test_check_names_a_scorer_that_is_not_installed(command: Signoff, tmp_path: Path) -> None:
    """And those that are."""
    (tmp_path / "rules.toml").write_text(f'format = 1\nscorer = "mine"\n{RULE}', "utf-8")
    ended = command("transitions", "check", "rules.toml", expect=1)
    assert "there is no scorer 'mine'; there are mbg_nbd" in ended.stderr


def test_a_backtest_tells_volume_precision_recall_cost_and_calibration(
    transitions: Signoff,
) -> None:
    """As by hand, on the day that the rules of the sample are known for."""
    day = date(2021, 12, 31)
    options = ("--by", "occurred", "--at", str(day), "--rule", "churn-silence")
    (found,) = transitions.json("transitions", "backtest", *options)
    by_hand = silence_by_hand.backtest(day, 180, 26)
    assert (found["picked"], found["wrong"]) == (len(by_hand.picked), len(by_hand.wrong))
    assert found["precision"] == pytest.approx(by_hand.precision)
    assert found["recall"] == pytest.approx(by_hand.recall)
    assert found["cost_usd"] == str(by_hand.cost)
    assert [band["name"] for band in found["bands"]] == ["1", "2", "3", "4-6", "7+"]
    assert not found["passed"]
    text = transitions("transitions", "backtest", *options).stdout
    for said in (
        "churn-silence@1 on 2021-12-31: CUSTOMER to CHURNED",
        f"{100 * by_hand.precision:.1f} % of the picks were right",
        f"{100 * by_hand.recall:.1f} % of those for whom it was right were picked",
        f"{by_hand.cost:,.2f} USD were paid by customers whom it gave up",
        "Picks by days with a purchase",
        "known weakness of the model",
        "Not passed: of the 26 weeks after 2021-12-31 only 25 are over",
    ):
        assert said in text
    short = transitions("transitions", "backtest", *options, "--weeks", "1").stdout
    assert "bought within 1 week after it" in short
    applied = transitions("transitions", "backtest", *options, "--by", "applied").stdout
    assert f"events that had been applied by the end of {day}" in applied


def test_without_a_day_the_last_one_with_enough_weeks_is_taken(
    transitions: Signoff, tmp_path: Path, cdnow_url: str
) -> None:
    """Rules of another file can be tried out; what comes out is kept."""
    (tmp_path / "rules.toml").write_text(f"format = 1\n{RULE}", "utf-8")
    options = ("--by", "occurred", "--rules", "rules.toml", "--actor", "ann")
    text = transitions("transitions", "backtest", *options).stdout
    assert "churn@1 on 2021-12-30: CUSTOMER to CHURNED" in text
    assert "Passed." in text
    with connect(cdnow_url) as connection:
        kept = connection.execute(
            "SELECT version, at, basis, weeks, passed, why_not, made_by FROM transition_backtests"
            " WHERE rule = 'churn'"
        ).fetchall()
    assert kept == [(1, date(2021, 12, 30), "occurred", 26, True, [], "ann")]


def test_a_wrong_day_or_rule_is_named(transitions: Signoff) -> None:
    """With what is allowed."""
    ended = transitions("transitions", "backtest", "--at", "tomorrow", expect=2)
    assert "--at must be a day such as 2021-03-31" in ended.stderr
    ended = transitions("transitions", "backtest", "--at", "2022-07-01", expect=2)
    assert "the latest approval is of 2022-06-30" in ended.stderr
    ended = transitions("transitions", "backtest", "--rule", "churn", expect=2)
    assert "a rule must be one of churn-silence, exhaust-lead, exhaust-prospect" in ended.stderr
    ended = transitions("transitions", "backtest", "--at", "2021-12-30", "--rule", "churn-silence")
    assert "--by occurred" in ended.stdout
