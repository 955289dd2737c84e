"""Four questions of a manager, as docs/insight.md answers them; the fifth has a file of its own.

Each documented command is run as written on the CDNOW sample. The numbers are computed here once
more, by hand: plain loops over the events, without SQL and without any other helper.
"""

import csv
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest
import web
from cdnow import cdnow_events
from command_line import Signoff

from signoff_schemas import ApprovalEvent
from signoff_schemas.access import Scope

DOCS = Path(__file__).parents[3] / "docs" / "insight.md"
DAYS_30 = timedelta(days=30)
CTA = "CTA_SOFT"

Row = dict[str, str]
Ask = Callable[[str], list[Row]]


def text() -> str:
    """The page, each run of blanks as one."""
    return " ".join(DOCS.read_text("utf-8").split())


def documented() -> dict[str, str]:
    """The commands about views, and the output that the page shows."""
    found = re.findall(
        r"```console\n\$ (signoff insight .+?)\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL
    )
    return dict(found)


def run(signoff: Signoff, command: str) -> str:
    """The output of a documented command, which may end with a grep."""
    name, *arguments = shlex.split(command)
    assert name == "signoff"
    if "|" not in arguments:
        return signoff(*arguments).stdout
    *arguments, pipe, grep, option, pattern = arguments
    assert (pipe, grep, option) == ("|", "grep", "-E")
    lines = signoff(*arguments).stdout.splitlines(keepends=True)
    return "".join(line for line in lines if re.search(pattern, line))


@pytest.fixture
def signoff(tmp_path: Path, cdnow_url: str) -> Signoff:
    """The command line, in a folder of its own, with the facts of the sample."""
    return Signoff(tmp_path, {"SIGNOFF_DATABASE_URL": cdnow_url})


@pytest.fixture
def ask(signoff: Signoff) -> Ask:
    """Runs the documented command that begins so; returns the rows of its output."""

    def rows(begin: str) -> list[Row]:
        (command,) = (known for known in documented() if known.startswith(f"signoff {begin} "))
        return list(csv.DictReader(run(signoff, command).splitlines()))

    return rows


@cache
def customers() -> list[list[ApprovalEvent]]:
    """The events of each customer, in order of occurrence."""
    found = defaultdict(list)
    for event in sorted(cdnow_events(), key=lambda event: (event.occurred_at, event.event_id)):
        found[event.user_id].append(event)
    return list(found.values())


def when_first(events: list[ApprovalEvent], status: str) -> datetime | None:
    """When a customer first had the status; each event of the sample gives one."""
    return next((e.occurred_at for e in events if e.customer_status == status), None)


@cache
def end() -> datetime:
    """When the latest event occurred."""
    return max(event.occurred_at for event in cdnow_events())


def test_the_page_shows_what_its_commands_print(signoff: Signoff) -> None:
    """One command a question, character for character."""
    commands = documented()
    assert len(commands) == 4
    for command, output in commands.items():
        assert run(signoff, command) == output, command


def test_each_question_has_one_page(signoff: Signoff, redis_url: str, cdnow_url: str) -> None:
    """Its CSV has the lines that the command prints."""
    paths = re.findall(r"Page: `(/insight.+?)`", text())
    viewer = web.acting_as("vera", Scope.READ, kind="user")
    with web.client(redis_url, cdnow_url, authenticate=viewer) as client:
        client.headers.update({"accept": "text/html", "sec-fetch-site": "same-origin"})
        for path, command in zip(paths, documented(), strict=True):
            assert client.get(path).is_success
            view, _, filters = path.partition("?")
            table = re.search(r"--table (\w+)", command)
            wanted = f"{filters}&table={table[1]}" if table else filters
            rows = client.get(f"{view}.csv?{wanted}").text.splitlines()
            assert set(run(signoff, command).splitlines()) <= set(rows), path


def test_how_many_converted_within_30_days_by_month(ask: Ask) -> None:
    """Of the customers who became prospects in each month."""
    entered, qualified, converted = Counter[str](), Counter[str](), Counter[str]()
    for events in customers():
        prospect = events[0].occurred_at
        month = f"{prospect:%Y-%m}"
        assert prospect + DAYS_30 <= end()
        entered[month] += 1
        lead, customer = when_first(events, "LEAD_QUALIFIED"), when_first(events, "CUSTOMER")
        qualified[month] += lead is not None and lead - prospect <= DAYS_30
        converted[month] += customer is not None and customer - prospect <= DAYS_30

    rows = ask("insight funnel")
    assert {row["month"]: int(row["observed"]) for row in rows} == entered
    assert {row["month"]: int(row["qualified"]) for row in rows} == qualified
    assert {row["month"]: int(row["converted"]) for row in rows} == converted
    for row in rows:
        month = row["month"]
        assert float(row["share_converted"]) == converted[month] / entered[month]
    assert (
        f"of the {entered['2020-12']:,} customers who became prospects in December 2020, "
        f"**{converted['2020-12']:,}** were customers within 30 days; in January "
        f"{converted['2021-01']} of {entered['2021-01']}, in February {converted['2021-02']} of "
        f"{entered['2021-02']}, in March {converted['2021-03']} of {entered['2021-03']}."
    ) in text()


def purchases(events: list[ApprovalEvent]) -> Iterator[tuple[date, Decimal]]:
    """The day and the amount of each; all amounts of the sample are of customers."""
    for event in events:
        if event.ltv_amount is not None:
            assert event.customer_status == "CUSTOMER"
            yield event.occurred_at.date(), event.ltv_amount


def months_later(day: date, months: int) -> tuple[int, int, int]:
    """The same day so many months later, for comparisons; it may not exist, as 31 February."""
    years, month = divmod(day.month - 1 + months, 12)
    return day.year + years, month + 1, day.day


def parts(day: date) -> tuple[int, int, int]:
    """Year, month, day."""
    return day.year, day.month, day.day


def test_what_a_customer_of_a_cohort_is_worth_after_six_months(ask: Ask) -> None:
    """Of those who bought for the first time in January 2021, by each age."""
    cohort = [list(purchases(events)) for events in customers()]
    cohort = [bought for bought in cohort if f"{bought[0][0]:%Y-%m}" == "2021-01"]

    rows = ask("insight ltv")
    for age, row in enumerate(rows):
        spent = sum(
            amount
            for bought in cohort
            for day, amount in bought
            if parts(day) < months_later(bought[0][0], age + 1)
        )
        assert row["age_months"] == str(age)
        assert int(row["customers"]) == len(cohort)
        assert Decimal(row["spent_usd"]) == spent
        assert Decimal(row["spent_per_customer"]) == round(spent / len(cohort), 2)
    # A customer who began on 31 January was observed through the last age, but not the next one.
    youngest, last_age = date(2021, 1, 31), len(rows) - 1
    assert months_later(youngest, last_age + 1) <= parts(end().date())
    assert months_later(youngest, last_age + 2) > parts(end().date())
    sixth = rows[5]
    assert (
        f"had spent **{sixth['spent_per_customer']}** USD on average when six months were over: "
        f"{len(cohort):,} customers, {Decimal(sixth['spent_usd']):,} USD."
    ) in text()


def test_where_people_get_lost(ask: Ask) -> None:
    """The moves between statuses, and when half of the customers had churned."""
    moves = Counter[tuple[str | None, str | None]]()
    for events in customers():
        statuses = [event.customer_status for event in events]
        moves.update((one, other) for one, other in pairwise(statuses) if one != other)

    rows = ask("insight journeys")
    assert {(r["from_status"], r["to_status"]): int(r["moves"]) for r in rows} == moves
    assert {(r["from_status"], r["to_status"]): int(r["customers"]) for r in rows} == moves
    churned = moves["CUSTOMER", "CHURNED"]
    bought = moves["LEAD_QUALIFIED", "CUSTOMER"]
    assert f"**{churned}** of {bought:,} customers churned." in text()
    assert f"{bought - churned} are customers to this day" in text()
    assert f"half of the customers had churned after {median_days_to_churn()} days" in text()


def median_days_to_churn() -> int:
    """By Kaplan and Meier: who has not churned counts until the end."""
    left, censored = Counter[int](), Counter[int]()
    for events in customers():
        began, churned = when_first(events, "CUSTOMER"), when_first(events, "CHURNED")
        assert began
        days = ceil(((churned or end()) - began) / timedelta(days=1))
        (left if churned else censored)[days] += 1
    staying, waiting = 1.0, left.total() + censored.total()
    for day in range(max(left) + 1):
        staying *= 1 - left[day] / waiting
        if staying <= 0.5:
            return day
        waiting -= left[day] + censored[day]
    raise AssertionError(staying)


def test_whether_the_new_cta_coincided_with_more_conversions(ask: Ask) -> None:
    """Of first approvals in each status, those with the tag and those without it."""
    shown: dict[str, dict[bool, list[bool]]] = defaultdict(lambda: {True: [], False: []})
    for events in customers():
        for status in ("PROSPECT", "LEAD_QUALIFIED", "CHURNED"):
            first = next((e for e in events if e.customer_status == status), None)
            if first is None or first.occurred_at + DAYS_30 > end():
                continue
            converted = any(
                event.customer_status == "CUSTOMER"
                and timedelta() < event.occurred_at - first.occurred_at <= DAYS_30
                for event in events
            )
            shown[status][CTA in first.edit_tags].append(converted)

    rows = {row["status"]: row for row in ask("insight reviewers") if row["value"] == CTA}
    assert rows.keys() == shown.keys()
    for status, row in rows.items():
        with_it, without = shown[status][True], shown[status][False]
        assert int(row["with_n"]) == len(with_it)
        assert int(row["with_converted"]) == sum(with_it)
        assert int(row["without_n"]) == len(without)
        assert int(row["without_converted"]) == sum(without)
        difference = sum(with_it) / len(with_it) - sum(without) / len(without)
        assert float(row["difference"]) == difference == 0
    prospects, churned = shown["PROSPECT"], shown["CHURNED"]
    assert (
        f"into the first reply to **{len(prospects[True])}** of {len(customers()):,} prospects; "
        f"all {sum(prospects[True])} bought within 30 days, and so did all "
        f"{sum(prospects[False])} others."
    ) in text()
    assert (
        f"Of {len(churned[True])} churned customers who were shown one, none came back within 30 "
        f"days, nor did any of the {len(churned[False])} others."
    ) in text()
    assert sum(churned[True]) == sum(churned[False]) == 0
