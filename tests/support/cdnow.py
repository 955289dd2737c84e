"""The reference data of the field: purchases of the CDNOW dataset as approval events."""

import gzip
from pathlib import Path

from signoff_schemas import ApprovalEvent

DATA = Path(__file__).parents[1] / "data"


def cdnow_events() -> list[ApprovalEvent]:
    """All 7,219 events of 1,200 customers, in order of occurrence."""
    with gzip.open(DATA / "cdnow_sample.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [ApprovalEvent.model_validate_json(line) for line in lines]
