"""The reference sample of the forecasting literature as approval events: each purchase is one."""

import csv
import gzip
from uuid import NAMESPACE_URL, UUID, uuid5

import cdnow_1in10

from signoff_schemas import ApprovalEvent


def cdnow_1in10_events() -> list[ApprovalEvent]:
    """All 6,919 purchases of 2,357 customers; a customer has one interaction."""
    with gzip.open(cdnow_1in10.PATH, "rt") as lines:
        rows = list(csv.DictReader(lines))
    return [
        ApprovalEvent.parse(
            {
                "event_id": _id(f"purchase {number}"),
                "occurred_at": f"{row['date']}T12:00:00Z",
                "interaction_id": _id(f"interaction of {row['customer_id']}"),
                "user_id": row["customer_id"],
                "final_bubbles": ["thanks for your order!"],
                "quality_score": 5,
                "customer_status": "CUSTOMER",
                "ltv_amount": row["dollars"],
            }
        )
        for number, row in enumerate(rows)
    ]


def _id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)
