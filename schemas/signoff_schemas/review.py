"""Reviews: the draft that an upstream posts, and the approval that a reviewer makes of it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, from_json, to_json

from signoff_schemas.approval import ApprovalEvent
from signoff_schemas.event import MAX_EVENT_BYTES
from signoff_schemas.fields import RFC3339, Id, Identifier, json_object
from signoff_schemas.invalid import InvalidEvent, Problem
from signoff_schemas.verdicts import FailureKind

MAX_REVIEW_BYTES: Final = MAX_EVENT_BYTES
"""The most bytes of a posted review's JSON."""
MAX_CONTEXT_BYTES: Final = 16_384
APPROVE_FIELDS: Final = (
    "final_bubbles",
    "edit_tags",
    "quality_score",
    "reviewer_notes",
    "cta_data",
    "customer_status",
    "ltv_amount",
)
"""What a reviewer gives; Signoff adds the other fields of the approval event."""

_NO_NUL: Final = r"^[^\x00]*$"
_NOT_BLANK: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)


def _later(value: object, read: ValidatorFunctionWrapHandler) -> datetime:
    """An instant as RFC 3339 has it; it may be in the future."""
    if isinstance(value, datetime) or (isinstance(value, str) and RFC3339.fullmatch(value)):
        moment: datetime = read(value)
        if _EARLIEST <= moment <= _LATEST:
            return moment
    raise PydanticCustomError(
        "instant",
        "must be an RFC 3339 instant with an offset, such as 2026-01-31T10:00:00Z, between the "
        "years 2000 and 9000",
    )


class InvalidReview(InvalidEvent):
    """A posted review, or what was decided about one, breaks the rules; each problem is named."""

    @classmethod
    def of(cls, path: str, rule: str, code: str, found: str | None = None) -> Self:
        """One problem."""
        return cls(FailureKind.INVALID_PAYLOAD, [Problem(path, rule, code, found)])


class ReviewDraft(BaseModel):
    """A reply that waits for its reviewer, as an upstream posts it."""

    model_config = ConfigDict(
        title="Review", strict=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    interaction_id: Annotated[Id, Field(description="The interaction; the idempotency key.")]
    user_id: Annotated[Identifier, Field(description="The customer.")]
    customer_message: Annotated[
        Annotated[str, StringConstraints(max_length=10_000, pattern=_NO_NUL)] | None,
        Field(description="What the reply answers."),
    ] = None
    draft_bubbles: Annotated[
        tuple[
            Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=_NOT_BLANK)],
            ...,
        ],
        Strict(strict=False),
        Field(min_length=1, max_length=20, description="The proposed messages."),
    ]
    context: Annotated[
        Annotated[dict[str, Any], AfterValidator(partial(json_object, most=MAX_CONTEXT_BYTES))]
        | None,
        Field(description="What the reviewer is to see; at most 16 KiB as JSON."),
    ] = None
    priority: Annotated[
        float,
        # Postgres keeps a `real`, and refuses what would become 0 there.
        AfterValidator(partial(round, ndigits=6)),
        Field(ge=0, le=1, allow_inf_nan=False, description="1 is worth four hours of waiting."),
    ] = 0.0
    expires_at: Annotated[
        Annotated[AwareDatetime, Strict(strict=False), WrapValidator(_later)] | None,
        Field(description="From then on the reply is not wanted any more."),
    ] = None

    @classmethod
    def parse(cls, source: bytes | str | Mapping[str, Any]) -> Self:
        """Read a draft from JSON, or from a mapping of JSON-like values.

        Raises:
            InvalidReview: it breaks the rules; every problem is named.
        """
        try:
            if isinstance(source, Mapping):
                return cls.model_validate_json(to_json(dict(source), inf_nan_mode="constants"))
            held = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
            if len(held) > MAX_REVIEW_BYTES:
                raise InvalidReview.of(
                    "",
                    f"a review's JSON may take at most {MAX_REVIEW_BYTES} bytes",
                    "too_large",
                    f"{len(held)} bytes",
                )
            return cls.model_validate_json(held)
        except ValidationError as error:
            raise InvalidReview.from_pydantic(error) from None
        except ValueError as error:  # what a mapping holds cannot be JSON
            raise InvalidReview.of("", f"must hold what JSON can hold: {error}", "json") from None


def approval_of(
    body: bytes | Mapping[str, Any],
    *,
    event_id: UUID,
    occurred_at: datetime,
    interaction_id: UUID,
    user_id: str,
    reviewer_id: str,
) -> ApprovalEvent:
    """The approval event of a reviewer's decision; `body` has `APPROVE_FIELDS`, and no other.

    The rules are those of the event's contract alone.

    Raises:
        InvalidEvent: it breaks the contract; every problem is named, by the fields of the body.
    """
    given = {
        "event_id": event_id,
        "occurred_at": occurred_at,
        "interaction_id": interaction_id,
        "user_id": user_id,
        "reviewer_id": reviewer_id,
    }
    others = _others(body)
    event: bytes | dict[str, Any]
    if isinstance(body, Mapping):
        event = {**{name: value for name, value in body.items() if name not in others}, **given}
    elif others:
        event = {**{n: v for n, v in from_json(body).items() if n not in others}, **given}
    else:
        event = _joined(to_json(given), body)
    problems = list(map(_not_a_field, others))
    try:
        approval = ApprovalEvent.parse(event)
    except InvalidEvent as error:
        raise InvalidReview(error.kind, [*problems, *error.problems]) from None
    if problems:
        raise InvalidReview(FailureKind.INVALID_PAYLOAD, problems)
    return approval


def body_of(event: str) -> dict[str, Any]:
    """The body of which this approval event was made."""
    fields: dict[str, Any] = json.loads(event)
    return {name: fields[name] for name in APPROVE_FIELDS if name in fields}


def _others(body: bytes | Mapping[str, Any]) -> list[str]:
    """The names of fields that a reviewer does not give."""
    if isinstance(body, Mapping):
        return [name for name in body if name not in APPROVE_FIELDS]
    if len(body) > MAX_EVENT_BYTES:
        raise InvalidReview.too_large(len(body), MAX_EVENT_BYTES)
    try:
        fields: Any = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidReview.of("", f"is not JSON: {error}", "json_invalid") from None
    if not isinstance(fields, dict):
        raise InvalidReview.of("", "must be a JSON object", "model_type")
    return [name for name in fields if name not in APPROVE_FIELDS]


def _not_a_field(name: str) -> Problem:
    shown = name if name.isprintable() else ascii(name)[1:-1]
    allowed = ", ".join(APPROVE_FIELDS)
    rule = f"is not a field of an approve, which has {allowed}; remove it or check its spelling"
    return Problem(shown[:80], rule, "extra_forbidden")


def _joined(given: bytes, body: bytes) -> bytes:
    """One JSON object of two, as texts: so no number is rounded on the way."""
    rest = body.strip().removeprefix(b"{").lstrip()
    return given if rest == b"}" else given[:-1] + b"," + rest
