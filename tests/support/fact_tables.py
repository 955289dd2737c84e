"""The tables of facts as they are in a database, and as they follow from plain facts."""

import math
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Any

import pytest
from plain_insight import PlainCustomer, PlainSpell, cta_label, day_of, month_of, whole_months
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from signoff_schemas import CUSTOMER_STATUSES, EDIT_TAGS

Row = dict[str, Any]
Tables = dict[str, list[Row]]
"""The rows by table, without the numbers of customers, in order."""
_EXPOSURES = """
    customer_exposures
    LEFT JOIN exposure_cells USING (cell)
    LEFT JOIN exposure_reviewers USING (reviewer_cell, month, customer_status, is_first)
"""


def tables_of(connection: Connection[TupleRow]) -> Tables:
    """What the tables hold; exposures with what their cells hold."""
    with connection.cursor(row_factory=dict_row) as cursor:
        facts = cursor.execute(
            "SELECT to_jsonb(f) ->> 'user_id', * FROM customer_facts f ORDER BY user_id"
        ).fetchall()
        users = {row["customer"]: row["user_id"] for row in facts}
        held = {"facts": [_without(row, "customer", "?column?") for row in facts]}
        for name, table, key in (
            ("purchases", "customer_purchases", "purchased_on"),
            ("spells", "customer_spells", "place"),
            ("exposures", _EXPOSURES, "place"),
        ):
            rows = cursor.execute(f"SELECT * FROM {table} ORDER BY {key}").fetchall()
            own = [
                {"user_id": users[row["customer"]]}
                | _without(row, "customer", "cell", "reviewer_cell")
                for row in rows
            ]
            held[name] = sorted(own, key=lambda row: row["user_id"])
    return held


def tables_from(customers: Mapping[str, PlainCustomer], timezone: str = "UTC") -> Tables:
    """What they must hold."""
    tables: Tables = defaultdict(list)
    for user in sorted(customers):
        one = customers[user]
        days = _purchases(one, timezone)
        tables["facts"].append({"user_id": user} | _facts(one, days))
        tables["purchases"] += [{"user_id": user} | row for row in days]
        tables["spells"] += [{"user_id": user} | row for row in _spells(one)]
        tables["exposures"] += [{"user_id": user} | row for row in _exposures(one, timezone)]
    return {name: tables[name] for name in ("facts", "purchases", "spells", "exposures")}


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _facts(one: PlainCustomer, days: list[Row]) -> Row:
    first = one.approvals[0] if one.approvals else None
    return {
        "customer_status": one.status,
        "ltv_usd": one.ltv_usd,
        "approvals": len(one.approvals),
        "first_event_at": one.first_event_at,
        "last_event_at": one.last_event_at,
        "first_status_at": next((e.occurred_at for e in one.events if e.customer_status), None),
        "first_approval_at": first and first.occurred_at,
        "first_reviewer_id": one.first_reviewer,
        "first_tags": _bits(one.first_tags),
        "first_cta": first and cta_label(first.cta_data),
        "prospect_at": one.prospect_at,
        "qualified_at": one.qualified_at,
        "customer_at": one.customer_at,
        "churned_at": one.churned_at,
        "lost_as_prospect_at": one.lost_as_prospect_at,
        "lost_as_lead_at": one.lost_as_lead_at,
        "prospect_days": _days(one.prospect_at, one.lost_as_prospect_at or one.qualified_at),
        "lead_days": _days(one.qualified_at, one.lost_as_lead_at or one.customer_at),
        "customer_days": _days(one.customer_at, one.churned_at),
        "first_purchase_on": days[0]["purchased_on"] if days else None,
        "last_purchase_on": days[-1]["purchased_on"] if days else None,
        "purchase_days": len(days),
        "purchases": len(one.purchases),
        "spent_usd": sum(purchase.usd for purchase in one.purchases),
    }


def _purchases(one: PlainCustomer, timezone: str) -> list[Row]:
    def day(purchase: Any) -> date:
        return day_of(purchase.occurred_at, timezone)

    rows: list[Row] = []
    for on, group in groupby(one.purchases, key=day):
        bought = list(group)
        first = rows[0]["purchased_on"] if rows else on
        age = whole_months(first, on)
        rows.append(
            {
                "purchased_on": on,
                "cohort": first.replace(day=1),
                "age_months": age,
                "is_first_of_month": age not in {row["age_months"] for row in rows},
                "purchases": len(bought),
                "spent_usd": sum(purchase.usd for purchase in bought),
            }
        )
    return rows


def _spells(one: PlainCustomer) -> list[Row]:
    return [
        {
            "place": place,
            "customer_status": spell.status,
            "began_at": spell.began_at,
            "ended_at": spell.ended_at,
            "next_status": spell.next_status,
            "seconds": _seconds(spell),
            "days_and_status": _days_and_status(spell),
            "first_tags": _bits(one.first_tags),
            "same_before": next(
                (
                    before.ended_at
                    for before in reversed(one.spells[:place])
                    if spell.next_status
                    and (before.status, before.next_status) == (spell.status, spell.next_status)
                ),
                None,
            ),
        }
        for place, spell in enumerate(one.spells)
    ]


def _days_and_status(spell: PlainSpell) -> int:
    days = _days(spell.began_at, spell.ended_at)
    return 8 * (-1 if days is None else days) + CUSTOMER_STATUSES.index(spell.status) + 1


def _seconds(spell: PlainSpell) -> Any:
    """How long it lasted; Postgres computes it in floating point."""
    if spell.began_at is None or spell.ended_at is None:
        return None
    return pytest.approx((spell.ended_at - spell.began_at).total_seconds(), abs=1e-5)


def _exposures(one: PlainCustomer, timezone: str) -> list[Row]:
    places = {event.event_id: place for place, event in enumerate(one.events, 1)}
    return [
        {
            "place": places[shown.event.event_id],
            "customer_status": shown.status,
            "exposed_at": shown.event.occurred_at,
            "month": month_of(shown.event.occurred_at, timezone),
            "first_tags": _bits(one.first_tags),
            "is_first": shown.is_first,
            "tags": _bits(shown.new_tags),
            "reviewer_id": shown.new_reviewer,
            "cta": shown.new_cta,
            "converted_after": _days(shown.event.occurred_at, shown.converted_at),
        }
        for shown in one.exposures
        if shown.is_new
    ]


def _days(since: datetime | None, until: datetime | None) -> int | None:
    return (
        None
        if since is None or until is None
        else math.ceil((until - since).total_seconds() / 86_400)
    )


def _bits(tags: Any) -> int:
    return sum(1 << list(EDIT_TAGS).index(tag) for tag in tags)
