"""What every kind of event has: the common fields, reading, and the canonical JSON."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from signoff_schemas.fields import SCHEMA_VERSION, Id, Instant, check_version
from signoff_schemas.invalid import InvalidEvent, shortened
from signoff_schemas.money import in_cents

MAX_EVENT_BYTES: Final = 262_144
"""The most bytes of an event's JSON; the largest valid event is smaller."""


class Event(BaseModel):
    """An event of any kind: `ApprovalEvent` or `StatusDecision`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    function: ClassVar[str]
    """The function that a job of this kind names."""

    event_id: Annotated[Id, Field(description="The idempotency key.")]
    schema_version: Annotated[
        Literal[1],
        BeforeValidator(check_version, json_schema_input_type=Literal[1] | None),
        Field(description="The version of this contract; another is refused."),
    ] = SCHEMA_VERSION
    occurred_at: Annotated[
        Instant,
        Field(
            description="When it happened, an RFC 3339 instant with offset; at most "
            "5 minutes ahead of the clock that checks it."
        ),
    ]

    @classmethod
    def parse(cls, source: "Source") -> Self:
        """Read an event from JSON or from a mapping of JSON-like values.

        A mapping may hold `UUID`, `Decimal` and aware `datetime` objects. It is converted to JSON
        and then read, so that the same rules apply to every source.

        Raises:
            InvalidEvent: the source breaks the contract; it lists every problem found.
        """
        return cls.parse_and_canonicalize(source)[0]

    @classmethod
    def parse_and_canonicalize(cls, source: "Source") -> tuple[Self, bytes]:
        """Read an event as `parse` does, and return its canonical JSON too."""
        if not isinstance(source, bytes):
            if isinstance(source, cls):
                return source, source.canonical_json()
            source = _as_json(source)
        if len(source) > MAX_EVENT_BYTES:
            raise InvalidEvent.too_large(len(source), MAX_EVENT_BYTES)
        try:
            event: Self = cls.__pydantic_validator__.validate_json(source)
        except ValidationError as error:
            raise InvalidEvent.from_pydantic(error) from None
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

    def _canonicalized(self, source: bytes) -> bytes:  # noqa: ARG002 -- an approval reads it
        """The canonical JSON; `source` is what the event was read from."""
        return self.canonical_json()

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


Source = Event | Mapping[str, Any] | bytes | str
"""What an event is read from: an event, a mapping of JSON-like values, or JSON."""


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
