"""The approval event: the public contract between upstream services and Signoff.

All limits are defined here, and those of amounts in `money.py`. The JSON Schema, the checks in SQL
and the documents are generated from these modules or tested against them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, PydanticSerializationError, from_json, to_json

from signoff_schemas.invalid import InvalidEvent, shortened
from signoff_schemas.money import Money, check_exact, in_cents
from signoff_schemas.taxonomy import CustomerStatus, EditTag

SCHEMA_VERSION: Final = 1
MAX_EVENT_BYTES: Final = 262_144
"""The most bytes of an event's JSON; the largest valid event is smaller."""
MAX_CTA_BYTES: Final = 4096
MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far `occurred_at` may lie ahead of the clock that checks it."""

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_USUAL_INSTANT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,6})?Z", re.ASCII
)
"""The form of nearly every instant, and of every canonical one: a part of RFC 3339."""


def _instant(value: object, read: ValidatorFunctionWrapHandler) -> datetime:
    """The instant in UTC; pydantic reads unusual forms, and reports errors."""
    try:
        utc = _usual_instant(value) or read(_instant_text(value)).astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("instant", "must lie between the years 1 and 9999") from None
    if utc - datetime.now(UTC) > MAX_CLOCK_SKEW:
        raise PydanticCustomError(
            "instant_ahead", "must be at most 5 minutes ahead of the clock that checks it"
        )
    return utc


def _usual_instant(value: object) -> datetime | None:
    """The instant of a text in the usual form, with Python's `UTC`, which is faster to handle."""
    if not isinstance(value, str) or not _USUAL_INSTANT.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:  # the calendar has no such day
        return None


def _instant_text(value: object) -> object:
    """Refuse values that pydantic takes for an instant and RFC 3339 does not, such as a number."""
    if isinstance(value, str) and not _RFC3339.fullmatch(value):
        raise PydanticCustomError(
            "instant", "must be an RFC 3339 instant with an offset, such as 2026-01-31T10:00:00Z"
        )
    if not isinstance(value, str | datetime):
        raise PydanticCustomError("instant", "must be an RFC 3339 instant, as a string")
    return value


def _version(value: object) -> object:
    """Accept 1 or null; not `true` and `1.0`, which equal 1 in Python but not in JSON."""
    if value is None:
        return SCHEMA_VERSION
    if type(value) is not int or value != SCHEMA_VERSION:
        raise PydanticCustomError("version", "must be 1, the only version this release knows")
    return value


def _distinct_tags(value: object, read: ValidatorFunctionWrapHandler) -> tuple[EditTag, ...]:
    """The tags, each of which may occur once; null is the same as absent."""
    if value is None:
        return ()
    tags: tuple[EditTag, ...] = read(value)
    if len(tags) > 1 and len(set(tags)) != len(tags):
        raise PydanticCustomError("distinct", "must hold each tag once")
    return tags


def _json_object(value: dict[str, Any]) -> dict[str, Any]:
    """The object in its canonical form, keys sorted; refused if jsonb cannot store it."""
    try:
        text = json.dumps(
            value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        size = len(text.encode())
        held: dict[str, Any] = from_json(f"[{text}]")[0]  # nested as deep as in the event
    except (TypeError, ValueError, RecursionError):
        raise PydanticCustomError(
            "json_object",
            "must be a JSON object of finite numbers, text, lists and objects, at most 200 deep",
        ) from None
    if size > MAX_CTA_BYTES:
        raise PydanticCustomError(
            "too_large", "must take at most 4096 bytes as JSON, takes {size}", {"size": size}
        )
    if _ESCAPED_NUL.search(text):
        raise PydanticCustomError("nul", "must not hold the NUL character")
    return held


_ESCAPED_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NO_NUL: Final = r"^[^\x00]*$"
_NOT_BLANK: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_NUL)]
Notes = Annotated[str, StringConstraints(max_length=1000, pattern=_NO_NUL)]
Bubble = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_NOT_BLANK)]
Instant = Annotated[AwareDatetime, Strict(strict=False), WrapValidator(_instant)]
_Tags = Annotated[
    tuple[EditTag, ...], Field(max_length=20, json_schema_extra={"uniqueItems": True})
]
Id = Annotated[UUID, Strict(strict=False)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_json_object)]


class ApprovalEvent(BaseModel):
    """A human reviewer approved a reply and may have set the customer's status and LTV."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", title="Approval event", hide_input_in_errors=True
    )

    event_id: Annotated[Id, Field(description="The idempotency key.")]
    schema_version: Annotated[
        Literal[1],
        BeforeValidator(_version, json_schema_input_type=Literal[1] | None),
        Field(description="The version of this contract; another is refused."),
    ] = SCHEMA_VERSION
    occurred_at: Annotated[
        Instant,
        Field(
            description="When the reviewer approved, an RFC 3339 instant with offset; at most "
            "5 minutes ahead of the clock that checks it."
        ),
    ]
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
        WrapValidator(_distinct_tags, json_schema_input_type=_Tags | None),
    ] = ()
    quality_score: Annotated[int, Field(ge=1, le=5, description="The reviewer's score.")]
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

    @classmethod
    def parse(cls, source: "ApprovalEvent | Mapping[str, Any] | bytes | str") -> Self:
        """Read an event from JSON or from a mapping of JSON-like values.

        A mapping may hold `UUID`, `Decimal` and aware `datetime` objects. It is converted to JSON
        and then read, so that the same rules apply to every source.

        Raises:
            InvalidEvent: the source breaks the contract; it lists every problem found.
        """
        return cls.parse_and_canonicalize(source)[0]

    @classmethod
    def parse_and_canonicalize(
        cls, source: "ApprovalEvent | Mapping[str, Any] | bytes | str"
    ) -> tuple[Self, bytes]:
        """Read an event as `parse` does, and return its canonical JSON too."""
        if not isinstance(source, bytes):
            if isinstance(source, cls):
                return source, source.canonical_json()
            source = _as_json(source)
        event = cls._validated(source)
        return event, cls._canonicalized(event, source)

    @classmethod
    def validate_all(cls, sources: Sequence[bytes]) -> list[Self]:
        """Read many events, which is faster for each; see `canonicalize_all` for canonical JSON.

        Raises:
            InvalidEvent: one of them breaks the contract; to find it, read them one by one.
        """
        largest = max(map(len, sources), default=0)
        if largest > MAX_EVENT_BYTES:
            raise InvalidEvent.too_large(largest, MAX_EVENT_BYTES)
        validated = cls.__pydantic_validator__.validate_json
        try:
            return [validated(source) for source in sources]
        except ValidationError as error:
            raise InvalidEvent.from_pydantic(error) from None

    @classmethod
    def canonicalize_all(cls, events: Sequence[Self], sources: Sequence[bytes]) -> list[bytes]:
        """The canonical JSON of events that `validate_all` read from these sources.

        Raises:
            InvalidEvent: an amount has digits that the JSON parser rounded off.
        """
        return list(map(cls._canonicalized, events, sources))

    @classmethod
    def _validated(cls, source: bytes) -> Self:
        if len(source) > MAX_EVENT_BYTES:
            raise InvalidEvent.too_large(len(source), MAX_EVENT_BYTES)
        try:
            event: Self = cls.__pydantic_validator__.validate_json(source)
        except ValidationError as error:
            raise InvalidEvent.from_pydantic(error) from None
        return event

    def _canonicalized(self, source: bytes) -> bytes:
        canonical = self.canonical_json()
        # In canonical JSON an amount has two decimal places, so nothing was rounded.
        if canonical != source and self.ltv_amount is not None:
            check_exact(source, self.ltv_amount)
        return canonical

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the event as pydantic does, but validate the update.

        Raises:
            InvalidEvent: the updated event breaks the contract.
        """
        if update is None:
            return super().model_copy(deep=deep)
        return self.parse({**self.model_dump(), **update})

    def canonical_json(self) -> bytes:
        """The one JSON text of this content: fields in a fixed order, none absent or default.

        `250`, `250.0` and `"250.00"` are the same amount, two texts of one instant are the
        same instant, and null is the same as absent.
        """
        return self.__pydantic_serializer__.to_json(self, exclude_defaults=True)


def content_hash(canonical_json: bytes) -> bytes:
    """16 bytes that distinguish `duplicate` from `event_conflict` (BLAKE2b-128, RFC 7693)."""
    return blake2b(canonical_json, digest_size=16).digest()


def _as_json(source: object) -> bytes:
    if isinstance(source, str):
        return source.encode("utf-8", "surrogatepass")
    try:
        return to_json(_plain_amount(source), inf_nan_mode="constants", fallback=_plain_mapping)
    except (PydanticSerializationError, ValueError) as error:
        raise InvalidEvent.unreadable(
            "the mapping must hold what JSON can hold", shortened(str(error))
        ) from None


def _plain_mapping(value: object) -> dict[Any, Any]:
    """A mapping as a dictionary, since the serializer takes no other mapping."""
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueError(f"a {type(value).__name__} is none of JSON's values")


def _plain_amount(source: object) -> object:
    """Write a `Decimal` amount with two places, also `Decimal("1E+2")` and `Decimal("250.000")`."""
    match source:
        case {"ltv_amount": Decimal() as amount, **rest}:
            cents = in_cents(amount)
            return {**rest, "ltv_amount": amount if cents is None else cents}
    return source
