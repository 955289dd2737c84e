"""The status decision: a customer's status is set without a reply."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from signoff_schemas.event import Event
from signoff_schemas.fields import Id, Identifier, JsonObject, Reason
from signoff_schemas.taxonomy import CustomerStatus

_RULE: Final = "rule:"
_GROUND_OF_RULES: Final[JsonDict] = {
    "if": {"properties": {"decided_by": {"pattern": f"^{_RULE}"}}},
    "then": {"required": ["rests_on"], "properties": {"rests_on": {"not": {"type": "null"}}}},
}
"""For the JSON Schema: what the field's description says of `rests_on`."""


class StatusDecision(Event):
    """Somebody set a customer's status: a manager, a service or a rule."""

    model_config = ConfigDict(title="Status decision", json_schema_extra=_GROUND_OF_RULES)
    function = "signoff_worker.jobs.apply_status_decision"

    event_type: Annotated[Literal["status_decision"], Field(description="The kind of event.")]
    user_id: Annotated[Identifier, Field(description="The customer.")]
    customer_status: Annotated[
        CustomerStatus, Field(description="The customer's new funnel status.")
    ]
    decided_by: Annotated[
        Identifier,
        Field(
            description="Who decided, such as `user:ann`, `service:billing` or "
            "`rule:churn-silence@3`."
        ),
    ]
    reason: Annotated[Reason, Field(description="Why, for people to read.")]
    evidence: Annotated[
        JsonObject | None,
        Field(description="What the decision is based on; at most 4096 bytes as JSON."),
    ] = None
    rests_on: Annotated[
        Id | None,
        Field(
            validate_default=True,
            description="The customer's last event that the decider knew. The decision counts only "
            "if no other event that gave a status or an amount stands between that event and it. "
            "Required where `decided_by` begins with `rule:`.",
        ),
    ] = None

    @field_validator("rests_on")
    @classmethod
    def _another_event(cls, rests_on: UUID | None, known: ValidationInfo) -> UUID | None:
        if rests_on is None and str(known.data.get("decided_by")).startswith(_RULE):
            raise PydanticCustomError(
                "rests_on_missing",
                "is required where decided_by begins with 'rule:'; give the event_id of the "
                "customer's last event that the rule knew",
            )
        if rests_on is not None and rests_on == known.data.get("event_id"):
            raise PydanticCustomError("rests_on_itself", "must be the event_id of another event")
        return rests_on

    @property
    def interaction_id(self) -> None:
        """A decision belongs to no interaction."""
        return
