"""The kinds of events: which one a source holds, and reading an event of any kind."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic_core import from_json

from signoff_schemas.approval import ApprovalEvent
from signoff_schemas.event import MAX_EVENT_BYTES, Source
from signoff_schemas.invalid import InvalidEvent, Problem, shortened
from signoff_schemas.status_decision import StatusDecision
from signoff_schemas.verdicts import FailureKind

AnyEvent = ApprovalEvent | StatusDecision
Kind = type[ApprovalEvent] | type[StatusDecision]


class EventType(StrEnum):
    """The kinds of events, as `event_type` names them."""

    APPROVAL = "approval"
    STATUS_DECISION = "status_decision"


KINDS: Final[Mapping[str, Kind]] = {
    EventType.APPROVAL: ApprovalEvent,
    EventType.STATUS_DECISION: StatusDecision,
}
"""The model of each `event_type`."""
_FIELD: Final = "event_type"


def parse_event(source: Source) -> AnyEvent:
    """Read an event of any kind, as `ApprovalEvent.parse` does; `event_type` names the kind.

    Raises:
        InvalidEvent: the source breaks the contract; it lists every problem found.
    """
    return kind_of(source).parse(source)


def kind_of(source: Source) -> Kind:
    """The kind that `event_type` names; approval where it is absent, or where nothing can be read.

    Raises:
        InvalidEvent: there is no such kind.
    """
    match source:  # the models come last: asking a pydantic class for its instances is slow
        case bytes():
            return _kind_in_json(source)
        case str():
            return _kind_in_json(source.encode("utf-8", "surrogatepass"))
        case Mapping():
            return _kind_named(source.get(_FIELD))
        case StatusDecision():
            return StatusDecision
    return ApprovalEvent


def _kind_in_json(source: bytes) -> Kind:
    # Nearly every event is an approval without the field; a name may be written with escapes.
    # A single byte is found faster than two.
    named = b"event_type" in source or (b"\\" in source and b"\\u" in source)
    if not named or len(source) > MAX_EVENT_BYTES:
        return ApprovalEvent
    try:
        fields: Any = from_json(source)
    except ValueError:
        return ApprovalEvent
    return _kind_named(fields.get(_FIELD)) if isinstance(fields, dict) else ApprovalEvent


def _kind_named(name: object) -> Kind:
    if name is None:
        return ApprovalEvent
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        rule = "must be one of 'approval' or 'status_decision'"
        problem = Problem(_FIELD, rule, "event_type", shortened(repr(name)))
        raise InvalidEvent(FailureKind.INVALID_PAYLOAD, [problem])
    return kind
