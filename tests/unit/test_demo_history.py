"""The history that the demo charts."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise

from signoff_ops.demo_history import DAYS, GREETER, NEW_CTA, NEW_CTA_DAYS, history, months_before
from signoff_schemas import ApprovalEvent

DAY = date(2025, 11, 29)
END = datetime(2025, 11, 29, tzinfo=UTC)
MONTH = timedelta(days=30)


@cache
def customers() -> dict[str, list[ApprovalEvent]]:
    """The approvals of each customer, in order of occurrence."""
    found = defaultdict(list)
    for event in history(DAY):
        found[str(event.user_id)].append(event)
    return dict(found)


def test_it_is_the_same_for_the_same_day() -> None:
    """So a demo that is shown twice shows the same; another day has other events."""
    again = history(DAY)
    assert again == history(DAY)
    tomorrow = {event.event_id for event in history(DAY + timedelta(days=1))}
    assert tomorrow.isdisjoint(event.event_id for event in again)


def test_it_covers_eighteen_months_up_to_yesterday() -> None:
    """About 5,000 approvals of 600 customers by five reviewers; distinct, in order, of the past."""
    events = history(DAY)
    moments = [event.occurred_at for event in events]
    assert moments == sorted(moments)
    assert END - timedelta(days=DAYS) <= moments[0] < END - timedelta(days=DAYS - 30)
    assert END - timedelta(days=1) <= moments[-1] < END
    assert 4_500 < len(events) < 5_500
    assert len({event.event_id for event in events}) == len(events)
    assert len(customers()) == 600
    assert len({event.reviewer_id for event in events}) == 5


def test_customers_go_along_the_funnel() -> None:
    """Each is a prospect first; some buy once, some often; some are lost, and a few come back."""
    journeys = [[e.customer_status for e in of if e.customer_status] for of in customers().values()]
    assert all(journey[0] == "PROSPECT" for journey in journeys)
    purchases = [sum(1 for event in of if event.ltv_amount) for of in customers().values()]
    assert 100 < sum(1 for count in purchases if count) < 300
    assert sum(1 for count in purchases if count > 1) > 50
    assert max(purchases) > 10
    steps = [step for journey in journeys for step in pairwise(journey)]
    assert steps.count(("CUSTOMER", "CHURNED")) > 30
    assert 3 <= steps.count(("CHURNED", "CUSTOMER")) <= 30


def test_some_who_were_lost_write_again() -> None:
    """Twice or more within the last weeks, long after a reviewer noted that they were lost."""
    again = [
        [event.occurred_at for event in of if event.occurred_at > lost.occurred_at]
        for of in customers().values()
        for lost in [[event for event in of if event.customer_status][-1]]
        if lost.customer_status == "CHURNED" and lost is not of[-1]
    ]
    assert 3 <= len(again) <= 20
    assert all(len(replies) >= 2 and replies[0] > END - timedelta(days=21) for replies in again)


def test_some_fell_silent_without_a_note() -> None:
    """In each status that a rule may be about; reviewers do not see who does not write."""
    silent = [of for of in customers().values() if of[-1].occurred_at < END - timedelta(days=180)]
    left = Counter([e.customer_status for e in of if e.customer_status][-1] for of in silent)
    assert all(left[status] > 10 for status in ("PROSPECT", "LEAD_QUALIFIED", "CUSTOMER"))


def test_more_leads_buy_who_saw_the_new_call_to_action() -> None:
    """It is used in the last months only, and coincides with more conversions within 30 days."""
    first_use = END - timedelta(days=NEW_CTA_DAYS)
    shown: dict[bool, list[bool]] = {True: [], False: []}
    for of in customers().values():
        qualified = [e.occurred_at for e in of if e.customer_status == "LEAD_QUALIFIED"]
        bought = [e.occurred_at for e in of if e.customer_status == "CUSTOMER"]
        uses = [e.occurred_at for e in of if (e.cta_data or {}).get("type") == NEW_CTA]
        assert all(use > first_use for use in uses)
        if qualified and first_use < qualified[0] < END - MONTH:
            shown[bool(uses)].append(bool(bought) and bought[0] - qualified[0] < MONTH)
    shares = {new: sum(converted) / len(converted) for new, converted in shown.items()}
    assert shares[True] > shares[False] + 0.1


def test_one_reviewer_gives_all_first_replies() -> None:
    """So charts of this reviewer's customers leave out those of the demo's other data."""
    assert {of[0].reviewer_id for of in customers().values()} == {GREETER}


def test_months_before_a_day() -> None:
    """Over the turn of a year too."""
    assert months_before(DAY, 12) == date(2024, 11, 1)
    assert months_before(date(2025, 3, 31), 6) == date(2024, 9, 1)
