"""Rules that are well formed, and contradict themselves or each other."""

from collections.abc import Iterator, Sequence
from typing import Final

from signoff_insight.transitions.errors import Mistake
from signoff_insight.transitions.rule import GIVEN_UP, Rule

_PAIRS: Final = (
    "silent_days",
    "approvals",
    "ctas",
    "purchase_days",
    "return_probability",
    "ltv_usd",
)
_APPROVALS_TO_LEAVE: Final = 2
"""Approvals since then that a rule needs which takes customers out of CHURNED."""
_PART_OF_SILENCE: Final = 2
"""Such a rule allows at most the half of the silence by which customers were given up."""


def contradictions(rules: Sequence[Rule]) -> Iterator[Mistake]:
    """All that is wrong."""
    names: set[str] = set()
    for rule in rules:
        if rule.name in names:
            yield Mistake(rule.name, "name", "must be another name than that of any other rule")
        names.add(rule.name)
        yield from _alone(rule)
        yield from _hysteresis(rule, rules)


def _alone(rule: Rule) -> Iterator[Mistake]:
    if rule.to_status in rule.from_statuses:
        yield Mistake(rule.name, "to", "must be another status than those of from", rule.to_status)
    if len(set(rule.from_statuses)) < len(rule.from_statuses):
        yield Mistake(rule.name, "from", "must hold each status once")
    if rule.mode == "automatic" and rule.to_status == "CUSTOMER":
        yield Mistake(
            rule.name,
            "mode",
            'must be "propose": nobody becomes CUSTOMER by a rule alone',
            rule.mode,
        )
    given = rule.when.given
    if not given:
        yield Mistake(rule.name, "when", "must hold a threshold, such as min_silent_days")
    for pair in _PAIRS:
        low, high = given.get(f"min_{pair}"), given.get(f"max_{pair}")
        if low is not None and high is not None and low > high:
            yield Mistake(
                rule.name, f"when.max_{pair}", f"must be at least min_{pair}, {low}", str(high)
            )


def _hysteresis(rule: Rule, rules: Sequence[Rule]) -> Iterator[Mistake]:
    """What holds for a rule that takes customers out of CHURNED or LEAD_EXHAUSTED.

    Without it, a rule could give up the same customers whom another takes back, in each run.
    """
    left = sorted(GIVEN_UP.intersection(rule.from_statuses))
    if not left:
        return
    out_of = " and ".join(left)
    if rule.mode == "automatic":
        allowed = f'must be "propose" for a rule out of {out_of}: people take customers back'
        yield Mistake(rule.name, "mode", allowed, rule.mode)
    if (rule.when.min_approvals_in_status or 0) < _APPROVALS_TO_LEAVE:
        found = rule.when.min_approvals_in_status
        yield Mistake(
            rule.name,
            "when.min_approvals_in_status",
            f"must be at least {_APPROVALS_TO_LEAVE} for a rule out of {out_of}",
            None if found is None else str(found),
        )
    entering = [other for other in rules if other is not rule and other.to_status in left]
    for other in entering:
        if other.when.min_silent_days is None:
            yield Mistake(
                other.name,
                "when.min_silent_days",
                f"is required, since rule {rule.name} takes customers out of {other.to_status}",
            )
    silences = [each.when.min_silent_days for each in entering if each.when.min_silent_days]
    most = min(silences, default=0) // _PART_OF_SILENCE
    found = rule.when.max_silent_days
    if silences and (found is None or found > most):
        yield Mistake(
            rule.name,
            "when.max_silent_days",
            f"must be at most {most} for a rule out of {out_of}: half of the silence after which "
            "customers are given up",
            None if found is None else str(found),
        )
