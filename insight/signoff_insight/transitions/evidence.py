"""What a proposal keeps of its customer: the numbers that the rule found."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from signoff_insight.transitions.picking import Pick
from signoff_schemas.wording import json_default


def evidence_of(pick: Pick, at: datetime) -> dict[str, Any]:
    """The numbers as JSON-able data; money as text, in USD. It goes into the decision's event."""
    found = pick.standing
    similar = pick.similar
    return {
        "silent_days": found.silent_days(at),
        "last_approval_at": json_default(found.last_approval_at),
        "approvals": found.approvals,
        "approvals_in_status": found.approvals_in_status,
        "ctas": found.ctas,
        "purchase_days": found.purchase_days,
        "last_purchase_on": found.last_purchase_on and found.last_purchase_on.isoformat(),
        "spent_usd": _usd(found.spent_usd),
        "ltv_usd": _usd(found.ltv_usd),
        "return_probability": pick.return_probability,
        "expected_revenue_usd": None
        if pick.expected_revenue is None
        else _usd(pick.expected_revenue),
        "similar": similar
        and {
            "customers": similar.customers,
            "returned": similar.returned,
            "weeks": similar.weeks,
        },
    }


def _usd(amount: Decimal) -> str:
    return f"{amount:.2f}"
