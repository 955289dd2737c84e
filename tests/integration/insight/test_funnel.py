"""The funnel: every number equals a plain computation over the events."""

from approvals import approval
from insight import build_facts, cells, view


def test_a_customer_not_observed_for_w_days_is_entered_but_not_observed(database_url: str) -> None:
    """What is not observed long enough is not known, which is not zero."""
    build_facts(database_url, [approval(0, customer_status="CUSTOMER")])
    step = cells(view(database_url, "funnel"), "steps", "step")["PROSPECT to CUSTOMER"]
    assert (step["entered"], step["observed"]) == (1, 0)
    assert (step["reached"], step["share"], step["low"]) == (None, None, None)
