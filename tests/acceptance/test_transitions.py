"""Transitions on the purchases of real customers: tested on the past, proposed, decided, overtaken.

The numbers are those that plain loops give (tests/support/silence_by_hand.py). Servers and
processes are real: a worker, a relay, and the readers that keep facts and contexts.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import pytest
import redis
import silence_by_hand as by_hand
from command_line import Signoff
from insight import apply_all
from processes import eventually, exit_code, idle, process
from reference import fold, read

from signoff_db.connection import connect
from signoff_schemas import AnyEvent, ApprovalEvent, parse_event

DAY: Final = date(2021, 12, 31)
RULE: Final = "churn-silence"
SILENT: Final = 180
"""Days, of the rule that Signoff brings."""
WEEKS: Final = 26
"""In which a customer may return, of the rules that Signoff brings."""
OBSERVED: Final = 25
"""Weeks after the day that the sample holds as a whole."""
SERVICES: Final = (("worker",), ("relay",), ("insight", "run"), ("rapport", "run"))

Shown = Mapping[str, Any]


class Proposed(NamedTuple):
    """A row of the proposals."""

    number: int
    state: str
    reason: str
    event_id: UUID | None


class Shop:
    """A deployment, and what a test does with it."""

    def __init__(self, signoff: Signoff, folder: Path) -> None:
        self.signoff = signoff
        self.log = folder / "services.log"
        self.redis = redis.Redis.from_url(signoff.environment["SIGNOFF_REDIS_URL"])
        self.database = connect(signoff.environment["SIGNOFF_DATABASE_URL"])

    @contextmanager
    def open(self) -> Iterator[None]:
        """All services run; each ends well on SIGTERM."""
        with ExitStack() as stack:
            running = [
                stack.enter_context(
                    process(
                        sys.executable, "-m", "signoff_cli", *service,
                        env=self.signoff.environment, log=self.log,
                    )
                )
                for service in SERVICES
            ]  # fmt: skip
            yield
            for service in running:
                service.terminate()
            assert [exit_code(service, log=self.log) for service in running] == [0] * len(running)

    def publish(self, events: Iterable[ApprovalEvent]) -> None:
        """Publish purchases, and wait until they are applied and read."""
        self.signoff("publish", "-", typed=b"".join(e.canonical_json() + b"\n" for e in events))
        self.until_read()

    def until_read(self) -> None:
        """Wait until outbox and queue are empty, and both readers have read all."""
        eventually(self.has_read, what="all is applied and read", log=self.log, saw=self.status)
        self.signoff("rapport", "run", "--once")

    def has_read(self) -> bool:
        """Whether all is applied and read: looked at in the order in which events pass."""
        if self.status()["outbox"]["waiting"] or not idle(self.redis):
            return False
        unread = {reader["name"]: reader["unread"] for reader in self.status()["feed_readers"]}
        return unread == {"insight": 0, "rapport": 0}

    def status(self) -> Shown:
        """How far all is."""
        found: Shown = self.signoff.json("status")
        return found

    def proposed(self) -> dict[str, Proposed]:
        """What the rules proposed, by customer, in this order."""
        rows = self.database.execute(
            "SELECT user_id, number, state, reason, event_id FROM transition_proposals"
            " ORDER BY number"
        )
        return {user: Proposed(*held) for user, *held in rows}

    def approved_now(self) -> dict[str, Shown]:
        """What became of the approved proposals, by customer."""
        found: dict[str, Shown] = {}
        after: list[str] = []
        while True:
            command = ("transitions", "list", "--show", "approved", "--limit", 200, *after)
            page = self.signoff.json(*command)
            found |= {one["user_id"]: one for one in page["proposals"]}
            if page["next"] is None:
                return found
            after = ["--after", page["next"]]

    def statuses(self) -> dict[str, str]:
        """The customers' statuses."""
        return dict(self.database.execute("SELECT user_id, customer_status FROM customers"))

    def context(self, user: str) -> Shown:
        """What the next reply should know."""
        found: Shown = json.loads(self.signoff("rapport", "show", user).stdout)
        return found

    def contexts(self) -> dict[str, str]:
        """All contexts, as the second database holds them."""
        with connect(self.signoff.environment["SIGNOFF_RAPPORT_URL"]) as rapport:
            rows = rapport.execute("SELECT user_id, context::text FROM rapport.contexts")
            return dict(rows.fetchall())

    def applied(self) -> list[AnyEvent]:
        """All applied events, as the feed tells them."""
        told = self.signoff("feed", "--json").stdout.splitlines()
        return [parse_event(json.loads(line)["event"]) for line in told]


@pytest.fixture
def shop(signoff: Signoff, empty_database_url: str, tmp_path: Path) -> Iterator[Shop]:
    """A deployment with a second database; its rules are those that Signoff brings, without a cap.

    A run then proposes everybody at once.
    """
    rules = files("signoff_insight").joinpath("transitions/default_rules.toml").read_text("utf-8")
    (tmp_path / "rules.toml").write_text(re.sub("cap = .*", "cap = 1000", rules), "utf-8")
    shop = Shop(
        signoff.having(
            SIGNOFF_RAPPORT_URL=empty_database_url,
            SIGNOFF_TRANSITIONS_RULES=str(tmp_path / "rules.toml"),
        ),
        tmp_path,
    )
    with shop.redis, shop.database:
        shop.signoff("outbox", "create")
        shop.signoff("rapport", "create")
        yield shop


@pytest.mark.parametrize("weeks", [WEEKS, OBSERVED])
def test_a_backtest_tells_volume_precision_recall_cost_and_calibration(
    signoff: Signoff, database_url: str, weeks: int
) -> None:
    """As plain loops do; of weeks that are not over it says so, and does not pass."""
    apply_all(database_url, by_hand.in_order())
    asked = ("transitions", "backtest", "--by", "occurred", "--at", DAY, "--weeks", weeks)
    expected = by_hand.backtest(DAY, SILENT, weeks)
    found = next(one for one in signoff.json(*asked) if one["rule"] == RULE)
    picked, wrong = len(expected.picked), len(expected.wrong)
    assert (found["customers"], found["picked"], found["wrong"]) == (1200, picked, wrong)
    assert found["precision"] == pytest.approx(expected.precision, abs=1e-12)
    assert found["recall"] == pytest.approx(expected.recall, abs=1e-12)
    assert Decimal(found["cost_usd"]) == expected.cost
    assert {band["name"]: band["customers"] for band in found["bands"]} == {
        name: band.customers for name, band in expected.of_picked.items()
    }
    for band in found["bands"]:
        by_loops = expected.of_picked[band["name"]]
        assert band["returned"] == by_loops.returned
        assert band["predicted"] == pytest.approx(by_loops.predicted, abs=1e-4)
        difference = by_loops.predicted - by_loops.returned / by_loops.customers
        assert band["difference"] == pytest.approx(difference, abs=1e-4)
    assert not found["passed"]
    is_open = any("only 25 are over" in why for why in found["why_not"])
    assert is_open is (weeks > OBSERVED)
    printed = signoff(*asked, "--rule", RULE).stdout
    for said in ("89.0 %", f"{expected.recall:.1%}".replace("%", " %"), f"{expected.cost:,} USD"):
        assert said in printed


def test_half_a_year_of_silence_from_proposals_to_verdicts(shop: Shop) -> None:
    """Half of the proposals are approved, three overtaken by late purchases, one undone.

    And one customer comes back. Each status and verdict is as the contract says; audits are green.
    """
    known, picked = by_hand.by_the_end_of(DAY), by_hand.silent(DAY, SILENT)
    approved = picked[::2]
    overtaken = [user for user in approved if by_hand.in_the_weeks_after(DAY, WEEKS, user)][:3]
    undone, back = [user for user in approved if user not in overtaken][:2]
    with shop.open():
        shop.publish(event for events in known.values() for event in events)
        shop.signoff("transitions", "run", "--at", DAY)
        proposed = shop.proposed()
        assert list(proposed) == picked
        assert_reasons(proposed)
        shown = shop.signoff("transitions", "show", proposed[picked[0]].number).stdout
        assert "420, of whom 60 returned within 26 weeks" in shown
        shop.signoff("transitions", "run", "--at", DAY)
        assert shop.proposed() == proposed

        numbers = [proposed[user].number for user in approved]
        shop.signoff("transitions", "approve", "--yes", *numbers)
        shop.until_read()
        churned = dict.fromkeys(approved, "CHURNED")
        assert shop.statuses() == dict.fromkeys(known, "CUSTOMER") | churned

        shop.publish(event for user in overtaken for event in later_purchases(user))
        shop.signoff("transitions", "undo", proposed[undone].number, "--reason", "she wrote to us")
        shop.publish([purchase_of_now(known[back][-1])])
        returned = dict.fromkeys([*overtaken, undone, back], "CUSTOMER")
        assert shop.statuses() == dict.fromkeys(known, "CUSTOMER") | churned | returned
        assert_verdicts(shop, approved, overtaken, undone, back)
        before = shop.proposed()
        shop.signoff("transitions", "run", "--at", DAY)
        assert shop.proposed() == before
    assert_books(shop)


def later_purchases(user: str) -> list[ApprovalEvent]:
    """What a customer bought after the day: it arrives late."""
    events = by_hand.purchases()[user]
    return [event for event in events if event.occurred_at >= by_hand.end_of(DAY)]


def purchase_of_now(before: ApprovalEvent) -> ApprovalEvent:
    """Another purchase of a customer, which occurs now."""
    anew = {"event_id": uuid4(), "interaction_id": uuid4(), "occurred_at": datetime.now(UTC)}
    return before.model_copy(update=anew)


def assert_reasons(proposals: Mapping[str, Proposed]) -> None:
    """Each says in words how long, how often, and what became of those who were like that."""
    known, similar = by_hand.by_the_end_of(DAY), by_hand.similar(DAY, SILENT, WEEKS)
    for user, proposal in proposals.items():
        days = len(by_hand.days_of(known[user]))
        customers, returned = similar[by_hand.band_of(days)]
        bought = "once" if days == 1 else f"on {days} days"
        said = [f"Silent {by_hand.silent_days(DAY, known[user])} days", f"bought {bought}"]
        if customers:
            share = f"{100 * returned / customers:.1f} %"
            said.append(f"of {customers:,} such customers {share} returned within {WEEKS} weeks")
        assert proposal.reason.split("; ")[: len(said)] == said


def assert_verdicts(
    shop: Shop, approved: Sequence[str], overtaken: Sequence[str], undone: str, back: str
) -> None:
    """What became of the decisions that called customers churned."""
    now = shop.approved_now()
    effects = dict.fromkeys(approved, "applied")
    effects |= dict.fromkeys(overtaken, "void") | {undone: "undone", back: "superseded"}
    assert {user: one["effect"] for user, one in now.items()} == effects
    assert [user for user, one in now.items() if one["reactivated_at"]] == [back]
    for user in overtaken:
        history = shop.signoff("event", now[user]["event_id"]).stdout
        assert re.search("void now: .* stands between", history), history
    (counted,) = shop.signoff.json("transitions", "list", "--limit", 1)["overview"]["rules"]
    assert (counted["rule"], counted["approved"]) == (RULE, len(approved))
    assert (counted["void"], counted["undone"], counted["reactivated"]) == (3, 1, 1)
    contexts = [shop.context(user) for user in (*overtaken, undone, back)]
    assert {context["customer_status"] for context in contexts} == {"CUSTOMER"}
    assert {context["counts"]["status_decisions"] for context in contexts[:3]} == {0}
    assert contexts[3]["status_decided_by"] == "user:ann"


def assert_books(shop: Shop) -> None:
    """The tables equal the fold, every event is accounted for, contexts equal their rebuild."""
    assert read(shop.database) == fold(shop.applied())
    assert "every event is accounted for" in shop.signoff("audit").stdout
    assert "No context is wrong." in shop.signoff("rapport", "audit").stdout
    contexts = shop.contexts()
    assert len(contexts) == len(shop.statuses())
    shop.signoff("rapport", "rebuild", "--yes")
    assert shop.contexts() == contexts
