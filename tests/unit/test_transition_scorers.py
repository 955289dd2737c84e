"""A team's own scorer: how it is found, asked and checked."""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, cast

import pytest
from plain_transitions import a_standing

from signoff_insight.transitions import scorers
from signoff_insight.transitions.errors import ScorerError
from signoff_insight.transitions.reading import Instant
from signoff_insight.transitions.scorers import Estimate, Scorer, estimate, scorer_named
from signoff_insight.transitions.standing import Basis, Standing

AT = datetime(2026, 1, 1, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs/transitions.md"
NO_DATABASE = cast("Any", None)
Install = Callable[[object], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Let a package be installed whose entry point `mine` is this object."""

    def installed(found: object) -> None:
        monkeypatch.setattr(EntryPoint, "load", lambda _: found)
        point = EntryPoint("mine", "a_package:score", "signoff.scorers")
        monkeypatch.setattr(scorers, "entry_points", lambda **_: EntryPoints([point]))

    return installed


def asked() -> Estimate:
    """What the scorer expects, as of an instant."""
    return estimate(NO_DATABASE, "mine", Instant(AT, "UTC", Basis.OCCURRED), 26)


def test_a_scorer_is_given_customers_the_instant_and_weeks(install: Install) -> None:
    """And answers for each, in the same order; None where it does not know."""
    given: list[tuple[Any, ...]] = []

    def score(standings: Sequence[Standing], at: datetime, weeks: int) -> list[float | None]:
        given.append((standings, at, weeks))
        return [0.25, None]

    install(score)
    customers = [a_standing(), a_standing(user_id="bob")]
    found = asked().of(customers)
    assert [each.return_probability for each in found] == [0.25, None]
    assert [each.revenue_usd for each in found] == [None, None]
    assert given == [(customers, AT, 26)]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([0.5, 0.5], "was given 1 customer, and returned 2 numbers"),
        ([1.5], "must return probabilities from 0 to 1, or None; for ann it returned 1.5"),
        ([float("nan")], "for ann it returned nan"),
        (["likely"], "for ann it returned 'likely'"),
        ([10**400], "for ann it returned 1000"),
        ([10**5000], "for ann it returned a number with too many digits"),
        (None, "failed: TypeError"),
    ],
)
def test_a_wrong_answer_is_an_error_that_names_the_scorer(
    install: Install, answer: object, said: str
) -> None:
    """Nothing is picked by a number that is none."""
    install(lambda *_: answer)
    with pytest.raises(ScorerError, match=rf"the scorer mine .*{re.escape(said)}"):
        asked().of([a_standing()])


def test_a_scorer_that_fails_is_named(install: Install) -> None:
    """With what it raised, on one line."""

    def score(*_: object) -> list[float]:
        raise ZeroDivisionError("by\nzero")

    install(score)
    with pytest.raises(ScorerError, match=r"mine failed: ZeroDivisionError: by\\nzero"):
        asked().of([a_standing()])


def test_a_scorer_that_is_not_there_is_named(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that cannot be imported, and one that is no function."""
    install(3)
    with pytest.raises(ScorerError, match="there is no scorer 'other'; there are mbg_nbd, mine"):
        scorer_named("other")
    with pytest.raises(ScorerError, match="must be a function; a_package:score is none"):
        scorer_named("mine")
    monkeypatch.setattr(EntryPoint, "load", lambda _: 1 // 0)
    with pytest.raises(ScorerError, match="mine cannot be imported: ZeroDivisionError"):
        scorer_named("mine")


def test_the_scorer_of_the_documents_works(install: Install) -> None:
    """As it stands there."""
    section = DOCS.read_text("utf-8").split("## A scorer of your own")[1]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102 -- it is ours
    score: Scorer = namespace["score"]
    install(score)
    last = AT - timedelta(weeks=4)
    found = asked().of(
        [
            a_standing(last_purchase_on=last.date(), purchase_days=3),
            a_standing(last_purchase_on=None, purchase_days=0),
        ]
    )
    likely, unknown = (each.return_probability for each in found)
    assert likely is not None
    assert 0 < likely < 1
    assert unknown is None


def test_without_numpy_the_error_names_the_package() -> None:
    """Rules can be checked without it, and another scorer needs none."""
    script = """
import sys
sys.modules["numpy"] = None
from datetime import UTC, datetime
from signoff_insight.transitions.picking import picks
from signoff_insight.transitions.rules import default_rules
try:
    next(picks(None, default_rules(), datetime(2026, 1, 1, tzinfo=UTC), "UTC"))
except Exception as error:
    print(type(error).__name__, error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout == (
        "ScorerError the scorer mbg_nbd needs the package numpy, which is not installed: "
        "pip install 'signoff[insight]'\n"
    )
