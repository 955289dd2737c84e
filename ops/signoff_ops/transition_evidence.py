"""What a rule found of a customer, in words: the same on pages and in commands."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from signoff_schemas.wording import count, one_decimal

_NAMES: Final[Mapping[str, str]] = {
    "silent_days": "silent, days",
    "approvals": "approvals",
    "approvals_in_status": "approvals in this status",
    "ctas": "approvals with a CTA",
    "purchase_days": "days with a purchase",
    "first_purchase_on": "first purchase",
    "last_purchase_on": "last purchase",
    "last_approval_at": "last approval",
    "last_event_at": "last event",
    "status_since": "has the status since",
    "spent_usd": "spent",
    "ltv_usd": "LTV then",
    "return_probability": "probability to return",
    "expected_revenue_usd": "expected revenue",
    "similar": "customers like this one",
}


def evidence_in_words(evidence: Mapping[str, Any]) -> Iterator[tuple[str, str | datetime]]:
    """What a rule found, by name; first what people look for, and nothing that is not known."""
    known = [name for name in _NAMES if evidence.get(name) is not None]
    others = [name for name in evidence if name not in _NAMES and evidence[name] is not None]
    for name in (*known, *others):
        yield _NAMES.get(name, name.replace("_", " ")), _value(name, evidence[name])


def _value(name: str, value: Any) -> str | datetime:  # noqa: ANN401 -- whatever JSON holds
    match value:
        case {"customers": int(customers), "returned": int(returned), "weeks": int(weeks)}:
            within = f"within {count(weeks, 'week')}"
            return f"{customers:,}, of whom {returned:,} returned {within}"
        case int() | float():
            is_share = name.endswith("probability")
            return f"{one_decimal(100 * value)} %" if is_share else f"{value:,}"
        case str():
            return _text(name, value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _text(name: str, text: str) -> str | datetime:
    if name.endswith("_usd"):
        return _usd(text)
    return _instant(text) if name.endswith(("_at", "_since")) else text


def _usd(text: str) -> str:
    try:
        return f"{Decimal(text):,.2f} USD"
    except InvalidOperation:
        return text


def _instant(text: str) -> str | datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else text
