"""Reviews as data for JSON: the same over HTTP and from `--json` of the commands."""

import json
from dataclasses import asdict
from typing import Any

from signoff_ops.review_desk import Preview
from signoff_ops.review_feed import ReviewDecision
from signoff_ops.reviews import ClaimedReview, Decided, PostedReview, Review, ReviewSummary
from signoff_schemas.wording import json_text


def review_data(review: Review) -> dict[str, Any]:
    """One review; its approval event as an object."""
    return {**asdict(review), "event": _object(review.event)}


def summary_data(review: ReviewSummary) -> dict[str, Any]:
    """One review in a list."""
    data = asdict(review)
    del data["rank"]
    return data


def posted_data(posted: PostedReview) -> dict[str, Any]:
    """The answer to a post."""
    return {"posting": posted.posting, "review": review_data(posted.review)}


def claimed_data(claimed: ClaimedReview) -> dict[str, Any]:
    """A review that its reviewer holds."""
    return {"review": review_data(claimed.review), "draft": claimed.draft}


def decided_data(decided: Decided) -> dict[str, Any]:
    """The answer to a decision."""
    return {**asdict(decided), "event": _object(decided.event)}


def preview_data(preview: Preview) -> dict[str, Any]:
    """What an approval would do."""
    return {**asdict(preview), "text": preview.text, "refusal": preview.refusal}


def decision_line(decision: ReviewDecision) -> str:
    """A decision of the feed as a line of JSON."""
    return json_text({**asdict(decision), "event": _object(decision.event)})


def _object(event: str | None) -> Any:  # noqa: ANN401 -- JSON of the contract
    return None if event is None else json.loads(event)
