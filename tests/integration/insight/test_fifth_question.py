"""The fifth question of a manager, as docs/insight.md answers it: who should be called churned?

The documented command is run as written on the purchases of the CDNOW sample. The numbers are those
of plain loops (tests/support/silence_by_hand.py).
"""

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import silence_by_hand as by_hand
import web
from command_line import Signoff
from insight import build_facts

from signoff_schemas.access import Scope

DOCS: Final = Path(__file__).parents[3] / "docs" / "insight.md"
DAY: Final = date(2021, 12, 31)
WEEKS: Final = 25
SILENT: Final = 180
ONCE: Final = """
format = 1
[[rule]]
name = "churn-once"
version = 1
from = ["CUSTOMER"]
to = "CHURNED"
mode = "propose"
cap = 200
hold_days = 90
max_wrong = 0.10
[rule.when]
min_silent_days = 180
max_purchase_days = 1
"""


def text() -> str:
    """The page, each run of blanks as one."""
    return " ".join(DOCS.read_text("utf-8").split())


def documented() -> tuple[str, str]:
    """The command of the fifth question, and the output that the page shows."""
    ((command, output),) = re.findall(
        r"```console\n\$ (signoff transitions .+?)\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL
    )
    return command, output


@pytest.fixture(scope="module")
def shop_url(databases: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The URL of a database with the purchases of the sample; tests keep backtests there."""
    with databases() as url:
        build_facts(url, by_hand.in_order())
        yield url


@pytest.fixture
def signoff(tmp_path: Path, shop_url: str) -> Signoff:
    """The command line, in a folder of its own."""
    return Signoff(tmp_path, {"SIGNOFF_DATABASE_URL": shop_url, "SIGNOFF_ACTOR": "ann"})


def asked(signoff: Signoff, *more: object) -> dict[str, Any]:
    """What the documented command reports as data."""
    name, *arguments = shlex.split(documented()[0])
    assert name == "signoff"
    (found,) = signoff.json(*arguments, *more)
    return dict(found)


def test_the_page_shows_what_its_command_prints(signoff: Signoff) -> None:
    """Character for character, but for blanks at the ends of lines."""
    command, output = documented()
    printed = signoff(*shlex.split(command)[1:]).stdout.splitlines()
    assert [line.rstrip() for line in printed] == output.splitlines()


def test_who_should_be_called_churned_and_what_that_would_cost(signoff: Signoff) -> None:
    """By a rule on silence at the end of a year: how many, how many of them wrongly, the cost."""
    found, expected = asked(signoff), by_hand.backtest(DAY, SILENT, WEEKS)
    picked, wrong = len(expected.picked), len(expected.wrong)
    lost = round((picked - wrong) / expected.recall)
    assert (found["at"], found["weeks"], found["basis"]) == (str(DAY), WEEKS, "occurred")
    assert (found["customers"], found["picked"], found["wrong"]) == (1200, picked, wrong)
    assert Decimal(found["cost_usd"]) == expected.cost
    assert (
        f"it would have picked **{picked}** of {expected.customers:,} customers. **{wrong}** of "
        f"them ({wrong / picked:.1%}) came back within {WEEKS} weeks, and spent {expected.cost:,} "
        f"USD: {expected.cost / picked:.2f} USD for each customer that it gave up. Of the {lost} "
        f"who did not come back it found {picked - wrong} ({expected.recall:.1%})."
    ).replace("%", " %") in text()


def test_for_whom_the_rule_is_too_early(signoff: Signoff) -> None:
    """Those who bought on several days come back more often, and more often than expected."""
    found, expected = asked(signoff), by_hand.backtest(DAY, SILENT, WEEKS).of_picked
    once = expected["1"]
    others = sum(band.customers for band in expected.values()) - once.customers
    back = sum(band.returned for band in expected.values()) - once.returned
    assert not found["passed"]
    assert [band["name"] for band in found["bands"] if band["is_off"]] == ["2", "3"]
    assert (
        f"of the {once.customers} who had bought on one day {once.returned} came back, as the "
        f"forecast expected; of the {others} others {back} did ({back / others:.1%})."
    ).replace("%", " %") in text()


def test_the_rule_about_those_who_bought_once_passes(signoff: Signoff, tmp_path: Path) -> None:
    """With the numbers of its band."""
    (tmp_path / "once.toml").write_text(ONCE, "utf-8")
    command = shlex.split(documented()[0])[1:-2]
    (found,) = signoff.json(*command, "--rules", "once.toml")
    assert found["passed"], found["why_not"]
    once = by_hand.backtest(DAY, SILENT, WEEKS).of_picked["1"]
    assert (found["wrong"], found["picked"]) == (once.returned, once.customers)
    cost = Decimal(found["cost_usd"])
    assert cost == sum(
        sum(by_hand.in_the_weeks_after(DAY, WEEKS, user), Decimal(0))
        for user in by_hand.silent(DAY, SILENT)
        if len(by_hand.days_of(by_hand.by_the_end_of(DAY)[user])) == 1
    )
    assert f"passes: {once.returned} of {once.customers} wrong, {cost:,} USD." in text()


def test_the_page_of_the_rule_has_the_same_numbers(
    signoff: Signoff, redis_url: str, shop_url: str
) -> None:
    """It shows what the command has kept."""
    asked(signoff)
    (path,) = re.findall(r"Page: `(/transitions.+?)`", text())
    viewer = web.acting_as("vera", Scope.READ, kind="user")
    with web.client(redis_url, shop_url, authenticate=viewer) as client:
        client.headers.update({"accept": "text/html", "sec-fetch-site": "same-origin"})
        page = client.get(path).text.replace("\N{NO-BREAK SPACE}", " ")
    for number in ("885", "97", "89.0 %", "84.6 %", "6,231.05"):
        assert number in page
