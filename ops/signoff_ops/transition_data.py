"""Transitions as data for JSON."""

from dataclasses import asdict
from typing import Any

from signoff_ops.transition_text import state_text
from signoff_ops.transitions import (
    MOST_COUNTED,
    Changed,
    Effect,
    LeftOut,
    Overview,
    Run,
    ShownProposal,
)


def proposal_data(proposal: ShownProposal) -> dict[str, Any]:
    """A proposal; `text` is what became of it, in words."""
    obstacle = proposal.obstacle
    held = asdict(proposal)
    held["obstacle"] = obstacle and {**asdict(obstacle), "text": str(obstacle)}
    return {**held, "text": state_text(proposal)}


def changed_data(changed: Changed) -> dict[str, Any]:
    """What an action did, or the effect that it has."""
    held = {
        "changed": changed.changed,
        "left_out_in_all": changed.left_out_in_all,
        "left_out_because": dict(changed.obstacles),
        "left_out": [_left_out(each) for each in changed.left_out],
        "stopped_because": changed.stopped_because,
    }
    if isinstance(changed, Effect):
        held |= {
            "moves": [asdict(move) for move in changed.moves],
            "first": [asdict(each) for each in changed.first],
            "ltv_usd": changed.ltv_usd,
            "expected_revenue_usd": changed.expected_revenue_usd,
            "expected_returns": changed.expected_returns,
            "without_forecast": changed.without_forecast,
            "returns_of_similar": changed.returns_of_similar,
            "with_similar": changed.with_similar,
            "frequent": changed.frequent,
        }
    return held


def overview_data(found: Overview) -> dict[str, Any]:
    """The overview; shares of 0 to 1."""
    return {
        "switch": asdict(found.switch),
        "counted_up_to": MOST_COUNTED,
        "rules": [
            {**asdict(each), "reactivated_share": each.reactivated_share} for each in found.rules
        ],
        "last_run": found.last_run and run_data(found.last_run),
    }


def run_data(run: Run) -> dict[str, Any]:
    """A run of the rules."""
    return asdict(run) | {"is_of_past": run.is_of_past}


def _left_out(left: LeftOut) -> dict[str, Any]:
    return {
        "id": left.id,
        "rule": left.rule,
        "user_id": left.user_id,
        "because": left.obstacle.kind,
        "text": str(left.obstacle),
    }
