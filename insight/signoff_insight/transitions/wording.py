"""Rules and picks in words."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from signoff_insight.transitions.evaluation import expects_too_little
from signoff_insight.transitions.picking import Pick, Similar
from signoff_insight.transitions.rules import Rule
from signoff_schemas.wording import count, one_decimal


def reason_of(pick: Pick, at: datetime) -> str:
    """Why a rule picked a customer, in words: what the decision's reason says.

    Such as "Silent 214 days; bought once; of 13,061 such customers 7.9 % returned within 26 weeks;
    expected revenue 3.10 USD".
    """
    parts = [_heard_of(pick, at), _bought(pick.standing.purchase_days)]
    if pick.similar is not None and pick.similar.customers:
        parts.append(_similar(pick.similar))
    if pick.return_probability is not None:
        parts.append(_probability(pick.return_probability, pick))
    if pick.expected_revenue is not None:
        parts.append(f"expected revenue {pick.expected_revenue:,.2f} USD")
    text = "; ".join(parts)
    return text[0].upper() + text[1:]


def _heard_of(pick: Pick, at: datetime) -> str:
    """How long a customer has been silent; of one who was given up, that it writes again."""
    standing = pick.standing
    days = count(standing.silent_days(at), "day")
    if pick.rule.gives_up:
        return f"silent {days}"
    times = count(standing.approvals_in_status, "time")
    return f"answered {times} since it was {standing.customer_status}, last {days} ago"


def _bought(days: int) -> str:
    return {0: "never bought", 1: "bought once"}.get(days, f"bought on {days:,} days")


def _similar(similar: Similar) -> str:
    share = 100 * similar.returned / similar.customers
    who = "such customer" if similar.customers == 1 else "such customers"
    within = f"within {count(similar.weeks, 'week')}"
    return f"of {similar.customers:,} {who} {one_decimal(share)} % returned {within}"


def _probability(share: float, pick: Pick) -> str:
    """P(return), and where the model is known to say too little."""
    text = f"P(return) {one_decimal(100 * share)} %"
    is_too_low = expects_too_little(
        pick.standing.purchase_days,
        gives_up=pick.rule.gives_up,
        has_revenue=pick.expected_revenue is not None,
    )
    return f"{text}, too low for frequent buyers" if is_too_low else text


_THRESHOLDS: Final = {
    "min_silent_days": ("had no approval for at least {}", "day"),
    "max_silent_days": ("had an approval at most {} ago", "day"),
    "min_days_in_status": ("got their status at least {} ago", "day"),
    "min_approvals": ("have at least {}", "approval"),
    "max_approvals": ("have at most {}", "approval"),
    "min_approvals_in_status": ("have at least {} since they got their status", "approval"),
    "min_ctas": ("were shown at least {}", "CTA"),
    "max_ctas": ("were shown at most {}", "CTA"),
    "min_purchase_days": ("bought on at least {}", "day"),
    "max_purchase_days": ("bought on at most {}", "day"),
}
"""What the customers of a rule did, by its thresholds on whole numbers."""
_OTHER: Final = {
    "min_return_probability": "have a P(return) of at least {}",
    "max_return_probability": "have a P(return) of at most {}",
    "min_ltv_usd": "have an LTV of at least {} USD",
    "max_ltv_usd": "have an LTV of at most {} USD",
}
"""By its other thresholds."""


def described(rule: Rule) -> str:
    """What a rule does, in words."""
    return " ".join(_sentences(rule))


def _threshold(name: str, held: float | Decimal) -> str:
    if name in _OTHER:
        return _OTHER[name].format(held)
    text, noun = _THRESHOLDS[name]
    return text.format(count(int(held), noun))


def _sentences(rule: Rule) -> Iterator[str]:
    *others, last = (_threshold(name, held) for name, held in rule.when.given.items())
    who = f"{', '.join(others)} and {last}" if others else last
    before = " or ".join(rule.from_statuses)
    yield f"Customers who are {before} become {rule.to_status} if they {who}."
    if rule.mode == "automatic":
        yield (
            f"It decides by itself about at most {rule.cap:,} a run; those who bought on two days "
            "or more, or are of high value, it proposes."
        )
    else:
        yield f"It proposes at most {rule.cap:,} a run; people decide."
    if rule.hold_days:
        yield f"Whom a person gave a status, it leaves alone for {count(rule.hold_days, 'day')}."
    wrong = "buy" if rule.gives_up else "do not buy"
    yield f"A backtest passes if at most {100 * rule.max_wrong:g} % of its picks {wrong} later."
