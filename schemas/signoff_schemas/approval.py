"""The approval event: a reviewer approved a reply."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, Strict, WrapValidator

from signoff_schemas.event import Event
from signoff_schemas.fields import (
    Bubble,
    Id,
    Identifier,
    JsonObject,
    Notes,
    TagList,
    distinct_tags,
    whole,
)
from signoff_schemas.money import Money, check_exact
from signoff_schemas.taxonomy import CustomerStatus, EditTag


def _kind(value: object) -> object:
    """Null is the same as absent."""
    return "approval" if value is None else value


class ApprovalEvent(Event):
    """A human reviewer approved a reply and may have set the customer's status and LTV."""

    model_config = ConfigDict(title="Approval event")
    function = "signoff_worker.jobs.apply_approval"

    event_type: Annotated[
        Literal["approval"],
        BeforeValidator(_kind, json_schema_input_type=Literal["approval"] | None),
        Field(description="The kind of event; absent means an approval."),
    ] = "approval"
    interaction_id: Annotated[Id, Field(description="The reviewed interaction.")]
    user_id: Annotated[
        Identifier | None,
        Field(
            description="The customer; needed to create an interaction Postgres does not hold yet."
        ),
    ] = None
    reviewer_id: Annotated[Identifier | None, Field(description="Who approved.")] = None
    final_bubbles: Annotated[
        tuple[Bubble, ...],
        Strict(strict=False),
        Field(min_length=1, max_length=20, description="The messages as approved."),
    ]
    edit_tags: Annotated[
        tuple[EditTag, ...],
        Strict(strict=False),
        Field(max_length=20, description="What the reviewer changed."),
        WrapValidator(distinct_tags, json_schema_input_type=TagList | None),
    ] = ()
    quality_score: Annotated[
        int,
        Field(ge=1, le=5, description="The reviewer's score."),
        BeforeValidator(whole),
    ]
    reviewer_notes: Annotated[Notes | None, Field(description="Free text for colleagues.")] = None
    cta_data: Annotated[
        JsonObject | None,
        Field(description="The call to action; at most 4096 bytes as JSON."),
    ] = None
    customer_status: Annotated[
        CustomerStatus | None, Field(description="The customer's new funnel status.")
    ] = None
    ltv_amount: Annotated[
        Money | None,
        Field(
            description="US dollars, at most 2 decimal places: added for a CUSTOMER, set for any "
            "other status. Absent leaves the stored value alone; 0 does not."
        ),
    ] = None

    def _canonicalized(self, source: bytes) -> bytes:
        canonical = self.canonical_json()
        # In canonical JSON an amount has two decimal places, so nothing was rounded.
        if canonical != source and self.ltv_amount is not None:
            check_exact(source, self.ltv_amount)
        return canonical
