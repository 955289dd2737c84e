"""Reviewers, tags and CTAs: every number equals a plain computation over the events."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from approvals import approval
from insight import answer, build_facts, cells, view
from plain_insight import PlainCustomer, PlainExposure, cta_label, latest, month_of
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked, add_months
from signoff_schemas import ApprovalEvent

Customers = Mapping[str, PlainCustomer]
Facts = Connection[TupleRow]
DAY = 1440
"""Minutes."""

FILTERS: list[tuple[Asked, Callable[[PlainCustomer], bool]]] = [
    (Asked(), lambda _: True),
    (Asked(within=7), lambda _: True),
    (Asked(reviewer="rev-2"), lambda one: one.first_reviewer == "rev-2"),
    (Asked(tag="TONE_CASUAL"), lambda one: "TONE_CASUAL" in one.first_tags),
    (Asked(cohort=date(2021, 2, 1)), lambda one: month_of(one.first_event_at) == date(2021, 2, 1)),
]


@pytest.mark.parametrize(("asked", "is_asked"), FILTERS)
def test_first_approvals_with_and_without_are_counted_as_in_plain_python(
    cdnow_facts: Facts,
    cdnow_customers: Customers,
    asked: Asked,
    is_asked: Callable[[PlainCustomer], bool],
) -> None:
    """By factor, value and status: how many were observed, and how many of them converted."""
    chosen = [one for one in cdnow_customers.values() if is_asked(one)]
    assert chosen
    end, within = latest(cdnow_customers), timedelta(days=asked.within)
    assert end is not None
    seen: set[tuple[str, str, str]] = set()
    counts: defaultdict[tuple[str, str, str, bool], list[int]] = defaultdict(lambda: [0, 0])
    first = [seen for one in chosen for seen in one.exposures if seen.is_first]
    values = {key for exposure in first for key in _shown(exposure.event)}
    for exposure in first:
        seen |= {(*key, exposure.status) for key in _shown(exposure.event)}
        if exposure.event.occurred_at + within > end:
            continue
        for key in values:
            count = counts[*key, exposure.status, key in _shown(exposure.event)]
            count[0] += 1
            count[1] += _converted(exposure, within)
    report = answer(cdnow_facts, "reviewers", asked)
    records = list(report.table("factors").records)
    assert {(row["factor"], row["value"], row["status"]) for row in records} == seen
    for row in records:
        stratum = str(row["factor"]), str(row["value"]), str(row["status"])
        for side, name in ((True, "with"), (False, "without")):
            observed, converted = counts[*stratum, side]
            assert row[f"{name}_n"] == observed
            assert row[f"{name}_share"] == (converted / observed if observed else None)


@pytest.mark.parametrize(("asked", "is_asked"), FILTERS)
def test_first_exposures_are_counted_by_month_as_in_plain_python(
    cdnow_facts: Facts,
    cdnow_customers: Customers,
    asked: Asked,
    is_asked: Callable[[PlainCustomer], bool],
) -> None:
    """Each customer once for each value and status; months that were observed have a share."""
    within, end = timedelta(days=asked.within), latest(cdnow_customers)
    assert end is not None
    counts: defaultdict[tuple[date, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for one in cdnow_customers.values():
        for exposure in one.exposures if is_asked(one) else ():
            for key in _new(exposure):
                count = counts[month_of(exposure.event.occurred_at), *key]
                count[0] += 1
                count[1] += _converted(exposure, within)
    report = answer(cdnow_facts, "reviewers", asked)
    expected = []
    for (month, factor, value), (exposed, converted) in sorted(counts.items()):
        observed = month_of(end - within) >= add_months(month, 1)
        share = converted / exposed if observed else None
        in_time = converted if observed else None
        expected.append((month, factor, value, exposed, in_time, share))
    order = {"tag": 0, "reviewer": 1, "cta": 2}
    expected.sort(key=lambda row: (row[0], order[row[1]], row[2]))
    assert list(report.table("months").rows) == expected


def test_a_tag_that_comes_late_is_not_compared_with_those_who_converted_before(
    database_url: str,
) -> None:
    """Who converts at once never sees it, so "never had it" would mean "converted early"."""
    events = [approval(100 * DAY, user_id="end")]
    for n in range(40):
        events.append(_seen(0, f"soon-{n}"))
        events.append(_seen(DAY, f"soon-{n}", customer_status="CUSTOMER"))
        events.append(_seen(0, f"late-{n}"))
        events.append(_seen(5 * DAY, f"late-{n}", edit_tags=["CTA_SOFT"]))
    build_facts(database_url, events)
    report = view(database_url, "reviewers")
    row = cells(report, "pooled", "factor", "value")["tag", "CTA_SOFT"]
    assert (row["n"], row["difference"], row["is_small"]) == (0, None, True)
    assert report.table("factors").rows == ()
    months = cells(report, "months", "factor", "value")
    assert months["tag", "CTA_SOFT"]["exposed"] == 40


def test_with_and_without_a_cta_are_compared_within_each_status(database_url: str) -> None:
    """Of 40 prospects with a coupon 30 convert, of 40 without it 10: a difference of a half."""
    events = [approval(100 * DAY, user_id="end", customer_status="CUSTOMER")]
    for n in range(80):
        cta = {"type": " coupon "} if n < 40 else {"kind": "call"} if n < 60 else None
        events.append(_seen(n, f"user-{n}", cta_data=cta))
        if n < 30 or n >= 70:
            at = n + 30 * DAY + (1 if n == 29 else 0)
            events.append(_seen(at, f"user-{n}", customer_status="CUSTOMER"))
    build_facts(database_url, events)
    report = view(database_url, "reviewers")
    row = cells(report, "factors", "factor", "value", "status")["cta", "coupon", "PROSPECT"]
    assert (row["with_n"], row["with_converted"]) == (40, 29), "one converted a minute too late"
    assert (row["without_n"], row["without_converted"]) == (40, 10)
    assert row["difference"] == pytest.approx(0.475)
    assert row["is_small"] is False
    pooled = cells(report, "pooled", "factor", "value")
    assert pooled["cta", "coupon"]["difference"] == pytest.approx(0.475)
    assert pooled["cta", "call"]["is_small"] is True


def test_customers_who_are_compared_with_nobody_make_no_comparison_large(database_url: str) -> None:
    """All 40 prospects got the tag; of the 42 churned, two."""
    events = [approval(100 * DAY, user_id="end", customer_status="CUSTOMER")]
    events += [_seen(n, f"prospect-{n}", edit_tags=["CTA_SOFT"]) for n in range(40)]
    for n in range(42):
        tags = ["CTA_SOFT"] if n < 2 else []
        events.append(_seen(n, f"churned-{n}", edit_tags=tags, customer_status="CHURNED"))
    build_facts(database_url, events)
    report = view(database_url, "reviewers")
    row = cells(report, "pooled", "factor", "value")["tag", "CTA_SOFT"]
    assert (row["n"], row["is_small"]) == (42, True)


def test_what_was_shown_too_recently_is_not_observed_yet(database_url: str) -> None:
    """A new CTA has exposures, and no share of which anybody could be glad."""
    events = [_seen(0, "ann", cta_data={"type": "new"}), _seen(29 * DAY, "bob")]
    build_facts(database_url, events)
    report = view(database_url, "reviewers")
    row = cells(report, "factors", "factor", "value")["cta", "new"]
    assert (row["with_n"], row["with_share"], row["difference"]) == (0, None, None)
    assert cells(report, "months", "factor")["cta"] == {
        "month": date(2026, 1, 1),
        "factor": "cta",
        "value": "new",
        "exposed": 1,
        "converted": None,
        "share": None,
    }


def test_over_all_statuses_first_approvals_are_counted_not_customers(cdnow_facts: Facts) -> None:
    """A customer has one in each status; the heads of the columns say what they count."""
    report = answer(cdnow_facts, "reviewers")
    by_status: defaultdict[tuple[Any, Any], list[Any]] = defaultdict(list)
    for row in report.table("factors").records:
        by_status[row["factor"], row["value"]].append(row["with_n"])
    assert by_status["tag", "CTA_SOFT"] == [240, 240, 174]
    for row in report.table("pooled").records:
        assert row["n"] == sum(by_status[row["factor"], row["value"]])
    titles = {
        (table.name, column.name): column.title
        for table in report.tables
        for column in table.columns
    }
    assert titles["pooled", "n"] == "First approvals with it"
    assert titles["factors", "with_n"] == "Customers with it"
    assert titles["months", "exposed"] == "First exposures"


def test_of_many_reviewers_the_most_frequent_are_named(database_url: str) -> None:
    """The others count among those without, so shares do not change."""
    events = [approval(100 * DAY, user_id="end", customer_status="CUSTOMER")]
    for n in range(35):
        events.append(_seen(n, f"a-{n}", reviewer_id=f"reviewer-{n}"))
        events.append(_seen(n, f"b-{n}", reviewer_id=f"reviewer-{n % 30}"))
    build_facts(database_url, events)
    report = view(database_url, "reviewers")
    found = cells(report, "factors", "value")
    assert set(found) == {f"reviewer-{n}" for n in range(30)}
    assert {(row["with_n"] + row["without_n"]) for row in found.values()} == {70}  # type: ignore[operator]


def test_without_events_there_is_nothing_to_compare(database_url: str) -> None:
    """Empty tables, and no error."""
    assert {table.rows for table in view(database_url, "reviewers").tables} == {()}


def _seen(minute: float, user: str, **fields: Any) -> ApprovalEvent:
    return approval(minute, user_id=user, interaction_id=uuid4(), **fields)


def _shown(event: ApprovalEvent) -> set[tuple[str, str]]:
    cta = cta_label(event.cta_data)
    return {
        *(("tag", tag) for tag in event.edit_tags),
        *([("reviewer", event.reviewer_id)] if event.reviewer_id else []),
        *([("cta", cta)] if cta else []),
    }


def _new(exposure: PlainExposure) -> Iterable[tuple[str, str]]:
    yield from (("tag", tag) for tag in exposure.new_tags)
    if exposure.new_reviewer:
        yield "reviewer", exposure.new_reviewer
    if exposure.new_cta:
        yield "cta", exposure.new_cta


def _converted(exposure: PlainExposure, within: timedelta) -> bool:
    at = exposure.converted_at
    return at is not None and at - exposure.event.occurred_at <= within
