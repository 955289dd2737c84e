"""The status decision: each rule of its contract, and how its kind is told from an approval."""

import json
import pickle
from collections import ChainMap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from json_forms import shuffled
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from signoff_schemas import (
    CUSTOMER_STATUSES,
    MAX_EVENT_BYTES,
    AnyEvent,
    ApprovalEvent,
    FailureKind,
    InvalidEvent,
    StatusDecision,
    content_hash,
    kind_of,
    parse_event,
)

Mapping = dict[str, Any]
Reader = Callable[[Mapping], object]

EVENT_ID = "6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11"
GROUND_ID = "0b0d2f1c-7a9e-4111-8a41-6f1c5f0e4d6b"
MINIMAL: Mapping = {
    "event_type": "status_decision",
    "event_id": EVENT_ID,
    "occurred_at": "2026-01-31T10:00:00Z",
    "user_id": "u-1",
    "customer_status": "CHURNED",
    "decided_by": "user:ann",
    "reason": "no answer for a year",
}
REQUIRED = tuple(MINIMAL)
FULL: Mapping = MINIMAL | {
    "schema_version": 1,
    "evidence": {"days": 365, "n": [1, 2.5, None]},
    "rests_on": GROUND_ID,
}
APPROVAL: Mapping = {
    "event_id": EVENT_ID,
    "occurred_at": "2026-01-31T10:00:00Z",
    "interaction_id": GROUND_ID,
    "final_bubbles": ["Hello!"],
    "quality_score": 4,
}


def as_bytes(event: Mapping) -> object:
    """Parse JSON bytes of any kind of event."""
    return parse_event(json.dumps(event).encode())


def as_text(event: Mapping) -> object:
    """Parse JSON text that is not ASCII only."""
    return parse_event(json.dumps(event, ensure_ascii=False, indent=1))


def as_mapping(event: Mapping) -> object:
    """Parse a mapping that cannot be changed."""
    return parse_event(MappingProxyType(event))


def constructed(event: Mapping) -> StatusDecision:
    """Call the constructor, which raises pydantic's own error."""
    return StatusDecision(**event)


READERS: list[Reader] = [as_bytes, as_text, as_mapping, constructed, StatusDecision.parse]


def refusal(source: Any) -> InvalidEvent:
    """Return why a source is refused."""
    with pytest.raises(InvalidEvent) as caught:
        parse_event(source)
    return caught.value


def canonicalized(source: Any) -> tuple[AnyEvent, bytes]:
    """The event of any kind in a source, and its canonical JSON."""
    return kind_of(source).parse_and_canonicalize(source)


def digest(source: Any) -> bytes:
    """Return the hash of the content of an event of any kind."""
    return content_hash(canonicalized(source)[1])


def nested(depth: int) -> Mapping:
    """Return an object that is so many objects deep."""
    inner: Mapping = {}
    for _ in range(depth - 1):
        inner = {"a": inner}
    return inner


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
instants = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 -- hypothesis wants bounds without a zone
    datetime(2026, 1, 31),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "schema_version": st.just(1),
    "evidence": st.dictionaries(text, json_values, max_size=4).filter(
        lambda value: len(json.dumps(value, ensure_ascii=False).encode()) <= 4096
    ),
    "rests_on": st.uuids().map(str),
}
events: st.SearchStrategy[Mapping] = st.fixed_dictionaries(
    {
        "event_type": st.just("status_decision"),
        "event_id": st.uuids().map(str),
        "occurred_at": instants.map(datetime.isoformat),
        "user_id": text.filter(bool),
        "customer_status": st.sampled_from(CUSTOMER_STATUSES),
        "decided_by": text.filter(bool).map("user:{}".format),
        "reason": text.filter(bool),
    },
    optional=OPTIONAL,
)
thorough = settings(deadline=None, max_examples=100)


# Each rule, on both sides


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("event", [MINIMAL, FULL], ids=["minimal", "full"])
def test_every_kind_of_source_gives_the_same_decision(reader: Reader, event: Mapping) -> None:
    """Bytes, text, a mapping and the constructor give equal decisions."""
    decision = reader(event)

    assert isinstance(decision, StatusDecision)
    assert decision == StatusDecision.parse(event)


def test_fields_hold_python_values() -> None:
    """Ids are UUIDs, the instant is in UTC; a decision has no interaction."""
    event = StatusDecision.parse(FULL | {"occurred_at": "2026-01-31T12:00:00+02:00"})

    assert event.event_id == UUID(EVENT_ID)
    assert event.rests_on == UUID(GROUND_ID)
    assert event.occurred_at == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert event.occurred_at.tzinfo is UTC
    assert event.evidence == {"days": 365, "n": [1, 2.5, None]}
    assert event.interaction_id is None


def test_a_mapping_may_hold_python_values() -> None:
    """UUID and aware datetime are accepted as the JSON that they become."""
    event = FULL | {
        "event_id": UUID(EVENT_ID),
        "rests_on": UUID(GROUND_ID),
        "occurred_at": datetime(2026, 1, 31, 10, tzinfo=UTC),
    }

    assert parse_event(ChainMap(event)) == as_bytes(FULL)


def test_a_decision_is_parsed_once_and_cannot_be_changed() -> None:
    """Parsing a decision gives that very decision; its fields are frozen."""
    event = StatusDecision.parse(FULL)

    assert parse_event(event) is event
    with pytest.raises(ValidationError, match="frozen"):
        event.reason = "another"  # type: ignore[misc]


def test_a_changed_copy_is_validated() -> None:
    """As if it had been read from JSON: it is a decision, or refused by its field."""
    event = StatusDecision.parse(FULL)

    changed = event.model_copy(update={"rests_on": None, "customer_status": "CUSTOMER"})

    assert changed == StatusDecision.parse(
        {name: value for name, value in FULL.items() if name != "rests_on"}
        | {"customer_status": "CUSTOMER"}
    )
    assert event.model_copy() == event
    for update, field in (
        ({"customer_status": "VIP"}, "customer_status"),
        ({"decided_by": "rule:a", "rests_on": None}, "rests_on"),
        ({"event_type": "approval"}, "event_type"),
    ):
        with pytest.raises(InvalidEvent, match=field):
            event.model_copy(update=update)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "ü"),
        ("user_id", "ü" * 200),
        ("decided_by", "d"),
        ("decided_by", "😀" * 200),
        ("decided_by", "rules:are-no-rule"),
        ("reason", "r"),
        ("reason", "😀" * 500),
        ("evidence", {}),
        ("evidence", None),
        ("evidence", {"a": "x" * 4088}),
        ("evidence", nested(200)),
        ("rests_on", GROUND_ID.upper()),
        ("rests_on", None),
        ("schema_version", 1),
        ("schema_version", None),
        *[("customer_status", status) for status in CUSTOMER_STATUSES],
        ("occurred_at", "2026-01-31 10:00:00.5-00:00"),
    ],
)
def test_what_the_contract_allows_is_accepted(reader: Reader, field: str, value: Any) -> None:
    """The last value inside each limit is accepted, from each kind of source."""
    assert isinstance(reader(MINIMAL | {field: value}), StatusDecision)


REFUSED: list[tuple[str, Any, str]] = [
    ("event_id", "x", "uuid_parsing"),
    ("user_id", "", "string_too_short"),
    ("user_id", "u" * 201, "string_too_long"),
    ("user_id", "a\0b", "string_pattern_mismatch"),
    ("user_id", 5, "string_type"),
    ("customer_status", "churned", "literal_error"),
    ("customer_status", "", "literal_error"),
    ("decided_by", "", "string_too_short"),
    ("decided_by", "d" * 201, "string_too_long"),
    ("decided_by", "\0", "string_pattern_mismatch"),
    ("reason", "", "string_too_short"),
    ("reason", "r" * 501, "string_too_long"),
    ("reason", "a\0", "string_pattern_mismatch"),
    ("reason", ["a"], "string_type"),
    ("evidence", [], "dict_type"),
    ("evidence", "{}", "dict_type"),
    ("evidence", {"a": "x" * 4089}, "too_large"),
    ("evidence", {"a": ["\0"]}, "nul"),
    ("rests_on", "x", "uuid_parsing"),
    ("rests_on", 5, "uuid_type"),
    ("rests_on", EVENT_ID, "rests_on_itself"),
    ("rests_on", EVENT_ID.upper().replace("-", ""), "rests_on_itself"),
    ("occurred_at", "2026-01-31T10:00:00", "instant"),
    ("occurred_at", 1769853600, "instant"),
    # Fields of an approval are none of a decision's.
    ("interaction_id", GROUND_ID, "extra_forbidden"),
    ("ltv_amount", "1.00", "extra_forbidden"),
    ("reviewer_id", None, "extra_forbidden"),
    ("unheard_of", 1, "extra_forbidden"),
    ("Reason", "r", "extra_forbidden"),
]


@pytest.mark.parametrize(("field", "value", "code"), REFUSED)
def test_what_the_contract_forbids_is_refused(field: str, value: Any, code: str) -> None:
    """The first value outside each limit is refused by its field, from each kind of source."""
    event = MINIMAL | {field: value}

    for error in (refusal(json.dumps(event).encode()), refusal(event)):
        assert [(problem.path, problem.code) for problem in error.problems] == [(field, code)]
        assert error.kind is FailureKind.INVALID_PAYLOAD
    with pytest.raises(ValidationError) as caught:
        constructed(event)
    assert InvalidEvent.from_pydantic(caught.value).problems[0].path == field


@pytest.mark.parametrize("field", REQUIRED[1:])
@pytest.mark.parametrize("given", ["absent", "null"])
def test_required_fields_are_required(field: str, given: str) -> None:
    """A required field that is absent or null is named."""
    event = MINIMAL | {field: None}
    if given == "absent":
        del event[field]

    (problem,) = refusal(event).problems

    assert problem.path == field
    assert given == "null" or str(problem) == f"{field} is required"


@pytest.mark.parametrize("by", ["rule:", "rule:churn-silence@3"])
@pytest.mark.parametrize("given", [{}, {"rests_on": None}])
def test_a_rule_says_what_it_rests_on(by: str, given: Mapping) -> None:
    """A person or a service may decide without it."""
    event = MINIMAL | {"decided_by": by}

    (problem,) = refusal(event | given).problems

    assert (problem.path, problem.code) == ("rests_on", "rests_on_missing")
    assert "is required where decided_by begins with 'rule:'" in problem.rule
    assert problem.found is None
    assert isinstance(parse_event(event | {"rests_on": GROUND_ID}), StatusDecision)


@pytest.mark.parametrize("field", ["decided_by", "rests_on"])
@pytest.mark.parametrize("given", [{}, {"event_type": None}, {"event_type": "approval"}])
def test_a_decision_that_does_not_say_so_is_told_how(field: str, given: Mapping) -> None:
    """Without event_type it is an approval, which has no such field."""
    event = {**MINIMAL, "rests_on": GROUND_ID}
    del event["event_type"]

    told = [problem for problem in refusal(event | given).problems if problem.path == field]

    assert [problem.code for problem in told] == ["extra_forbidden"]
    assert told[0].rule.endswith("for one, event_type must be 'status_decision'")


@pytest.mark.parametrize("version", [0, 2, True, "1", []])
def test_another_version_has_its_own_kind(version: Any) -> None:
    """Any other schema_version is unsupported_version, whatever else is wrong."""
    error = refusal(MINIMAL | {"schema_version": version, "reason": ""})

    assert error.kind is FailureKind.UNSUPPORTED_VERSION


def test_the_clock_may_be_five_minutes_behind() -> None:
    """More than five minutes ahead is refused."""
    ahead = datetime.now(UTC) + timedelta(minutes=6)

    (problem,) = refusal(MINIMAL | {"occurred_at": ahead}).problems

    assert (problem.path, problem.code) == ("occurred_at", "instant_ahead")


# Which kind it is


@pytest.mark.parametrize("given", [{}, {"event_type": None}, {"event_type": "approval"}])
def test_an_approval_is_the_same_event_with_and_without_its_type(given: Mapping) -> None:
    """It has one canonical JSON and one hash, so that what was published before is a duplicate."""
    plain = ApprovalEvent.parse(APPROVAL)

    for source in (APPROVAL | given, json.dumps(given | APPROVAL), plain):
        event, canonical = canonicalized(source)
        assert event == plain
        assert canonical == plain.canonical_json()
        assert b"event_type" not in canonical
        assert digest(source) == content_hash(plain.canonical_json())


@pytest.mark.parametrize("name", ["", "Approval", "status-decision", 1, True, [], {}, "x" * 500])
def test_another_type_is_refused(name: Any) -> None:
    """The message names the field, the kinds there are, and what was found, shortened."""
    for source in (MINIMAL | {"event_type": name}, json.dumps(APPROVAL | {"event_type": name})):
        error = refusal(source)
        (problem,) = error.problems
        assert (problem.path, error.kind) == ("event_type", FailureKind.INVALID_PAYLOAD)
        assert "event_type must be one of 'approval' or 'status_decision'; found" in str(error)
        assert len(str(error)) < 250
        assert "found" not in error.loggable


def test_a_decision_without_its_type_is_refused_as_an_approval() -> None:
    """The type is what tells the kinds apart; the message says of which kind it was read."""
    event = {name: value for name, value in MINIMAL.items() if name != "event_type"}

    error = refusal(event)

    assert "is not a field of an approval event" in str(error)
    assert "is not a field of a status decision" in str(refusal(MINIMAL | {"x": 1}))


@pytest.mark.parametrize(("kind", "fields"), [(ApprovalEvent, MINIMAL), (StatusDecision, APPROVAL)])
def test_a_kind_does_not_read_the_other(kind: Any, fields: Mapping) -> None:
    """It refuses the type first of all."""
    with pytest.raises(InvalidEvent, match="event_type"):
        kind.parse(fields)


@pytest.mark.parametrize(
    "field",
    ["event_type", "event\\u005ftype", "\\u0065vent_type", "\\u0065\\u0076ent_\\u0074ype"],
)
def test_escapes_in_the_name_do_not_hide_the_kind(field: str) -> None:
    """JSON may write each character of a name as an escape."""
    others = json.dumps({name: value for name, value in MINIMAL.items() if name != "event_type"})
    source = f'{others[:-1]}, "{field}": "status_decis\\u0069on"}}'

    for form in (source, source.encode()):
        assert kind_of(form) is StatusDecision
        assert digest(form) == digest(MINIMAL)


def test_the_last_of_duplicate_keys_counts() -> None:
    """As in all usual JSON parsers, also for the type."""
    as_decision = f'{{"event_type": "approval", "reason": "x", {json.dumps(MINIMAL)[1:]}'
    as_approval = f'{{"event_type": "status_decision", {json.dumps(APPROVAL)[1:-1]}'

    assert digest(as_decision) == digest(MINIMAL)
    assert digest(f'{as_approval}, "event_type": null}}') == digest(APPROVAL)
    assert kind_of(f'{as_approval}, "event_type": "approval"}}') is ApprovalEvent


def test_a_type_inside_of_another_field_tells_nothing() -> None:
    """Only the event's own field counts."""
    event = APPROVAL | {"cta_data": {"event_type": "status_decision"}, "reviewer_notes": "\\u"}

    assert isinstance(as_bytes(event), ApprovalEvent)


@pytest.mark.parametrize("source", ["", "event_type", "[]", '"event_type"', "{", b"\xff", 5, None])
def test_what_has_no_kind_is_refused_as_before(source: Any) -> None:
    """What cannot be read counts as an approval, whose parser says what is wrong."""
    assert kind_of(source) is ApprovalEvent
    assert refusal(source).kind is FailureKind.INVALID_PAYLOAD


# The canonical form


def test_the_canonical_form_is_short() -> None:
    """What is absent, null or default is left out; the type is always there."""
    assert json.loads(StatusDecision.parse(FULL).canonical_json()) == {
        name: value for name, value in FULL.items() if name != "schema_version"
    }
    nulls = MINIMAL | {"evidence": None, "rests_on": None, "schema_version": None}
    assert json.loads(StatusDecision.parse(nulls).canonical_json()) == MINIMAL
    assert b": " not in StatusDecision.parse(MINIMAL).canonical_json()


@given(events)
@thorough
def test_the_canonical_form_is_a_fixed_point(event: Mapping) -> None:
    """Reading it gives the same decision and the same form, and no field is lost."""
    first, canonical = canonicalized(json.dumps(event).encode())

    assert canonicalized(canonical) == (first, canonical)
    held = json.loads(canonical)
    for field, value in event.items():
        if field == "occurred_at":
            assert datetime.fromisoformat(held[field]) == datetime.fromisoformat(value)
        elif field != "schema_version":
            assert held[field] == value


@given(events, st.randoms(use_true_random=False), st.sampled_from([None, 2]))
@thorough
def test_the_form_of_the_json_does_not_matter(
    event: Mapping, random: Any, indent: int | None
) -> None:
    """Key order (in evidence too), whitespace, escapes and nulls leave the hash alone."""
    respelled = shuffled(dict.fromkeys(OPTIONAL) | event, random)
    assert digest(json.dumps(respelled, indent=indent, ensure_ascii=indent is None)) == digest(
        event
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", str(UUID(int=1))),
        ("occurred_at", "2026-01-31T10:00:00.000001Z"),
        ("user_id", "u-2"),
        ("customer_status", "CUSTOMER"),
        ("decided_by", "user:bob"),
        ("reason", "no answer for a year."),
        ("evidence", {}),
        ("evidence", None),
        ("rests_on", str(UUID(int=1))),
        ("rests_on", None),
    ],
)
def test_another_content_has_another_hash(field: str, value: Any) -> None:
    """A change of any field changes the hash."""
    assert digest(FULL | {field: value}) != digest(FULL)


@given(events)
@thorough
def test_the_json_schema_admits_every_valid_decision(event: Mapping) -> None:
    """So a publisher in another language may check its events against the schema."""
    for form in (event, dict.fromkeys(OPTIONAL) | event):
        assert not list(SCHEMA.iter_errors(form))


@pytest.mark.parametrize(
    "change",
    [
        {"event_type": "approval"},
        {"event_type": None},
        {"user_id": None},
        {"customer_status": "VIP"},
        {"reason": "r" * 501},
        {"decided_by": ""},
        {"evidence": []},
        {"schema_version": 2},
        {"extra": 1},
    ],
)
def test_the_json_schema_refuses_what_the_validator_refuses(change: Mapping) -> None:
    """As far as a schema can say it."""
    event = MINIMAL | change

    assert list(SCHEMA.iter_errors(event))
    with pytest.raises(InvalidEvent):
        StatusDecision.parse(event)


SCHEMA = Draft202012Validator(StatusDecision.model_json_schema())


# Errors, and whatever comes


@pytest.mark.parametrize(
    ("field", "value", "rule", "found"),
    [
        ("reason", "r" * 501, "must hold at most 500 characters", f"'{'r' * 79}… (501 characters)"),
        ("rests_on", EVENT_ID, "must be the event_id of another event", f"'{EVENT_ID}'"),
        ("decided_by", "", "must hold at least 1 character", "''"),
        ("extra", 1, "is not a field of a status decision; remove it or check its spelling", "1"),
    ],
)
def test_an_error_names_place_rule_and_finding(
    field: str, value: Any, rule: str, found: str
) -> None:
    """The message holds the field, what is allowed, and what was found, shortened."""
    assert str(refusal(json.dumps(MINIMAL | {field: value}))) == f"{field} {rule}; found {found}"


def test_a_refusal_can_be_pickled() -> None:
    """Process pools pickle errors; kind and problems are kept."""
    error = refusal(MINIMAL | {"event_type": "x"})
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

    assert (copy.kind, copy.problems, str(copy)) == (error.kind, error.problems, str(error))


SECRET = "ɸquokka"


@pytest.mark.parametrize("field", [*REQUIRED, *OPTIONAL])
@pytest.mark.parametrize(
    "value",
    [SECRET, SECRET * 800, [SECRET], {"a": f"{SECRET}\0"}, {SECRET: [float("nan")]}],
    ids=["text", "long", "list", "nul", "nan"],
)
def test_a_logged_problem_quotes_no_value(field: str, value: Any) -> None:
    """A log line names the rule, and never a customer's text."""
    event = json.dumps(MINIMAL | {field: value, "also": SECRET}).encode()

    assert "ɸ" not in refusal(event).loggable


@pytest.mark.parametrize("size", [MAX_EVENT_BYTES + 1, 10_000_000])
def test_a_huge_payload_is_refused_without_reading_it(size: int) -> None:
    """Its size is named, whatever kind it says it is."""
    data = json.dumps(MINIMAL | {"reason": "r" * size}).encode()

    for source in (data, data.decode(), MINIMAL | {"reason": "r" * size}):
        assert [problem.code for problem in refusal(source).problems] == ["too_large"]


def test_the_largest_valid_decision_fits() -> None:
    """With each field at its limit and each character in its longest JSON form, it is smaller."""
    largest = FULL | {
        "user_id": "😀" * 200,
        "decided_by": "😀" * 200,
        "reason": "😀" * 500,
        "evidence": {"a": "é" * 2044},
    }

    data = json.dumps(largest).encode()

    assert len(data) < MAX_EVENT_BYTES
    assert isinstance(parse_event(data), StatusDecision)


def survives(source: Any) -> None:
    """Parse a source; only InvalidEvent may be raised, and it can be shown and stored."""
    try:
        event = parse_event(source)
    except InvalidEvent as error:
        shown = (str(error), error.loggable, error.cause, json.dumps(error.detail))
        assert all(text and "\0" not in text for text in shown)
    else:
        assert parse_event(event.canonical_json()) == event


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=10,
)


@given(events, st.sampled_from([*REQUIRED, *OPTIONAL, "extra"]), anything)
@example(MINIMAL, "event_type", "\ud800")
@example(MINIMAL, "event_type", "a\0\n\u202e")
@thorough
def test_any_mutation_is_read_or_refused(event: Mapping, field: str, value: Any) -> None:
    """A valid decision with one field replaced by anything is accepted or refused."""
    survives(event | {field: value})


@given(events, st.data())
@thorough
def test_any_corruption_is_read_or_refused(event: Mapping, data: st.DataObject) -> None:
    """A valid decision with some of its bytes replaced is accepted or refused."""
    held = json.dumps(event).encode()
    start = data.draw(st.integers(0, len(held)))
    end = data.draw(st.integers(start, len(held)))

    survives(held[:start] + data.draw(st.binary(max_size=5)) + held[end:])


@pytest.mark.parametrize("field", [*REQUIRED, *OPTIONAL])
@pytest.mark.parametrize(
    "literal",
    [
        *("9" * 5000, "1e99999", '"\\ud800"', '{"\\ud800": 1}', '"\\u0000"', '{"a": NaN}', "'x'"),
        *("[" * 150 + "]" * 150, '{"a":' * 250 + "1" + "}" * 250, "[" * 100_000),
    ],
    ids=lambda literal: literal[:12],
)
def test_hostile_values_are_refused(field: str, literal: str) -> None:
    """Long numbers, lone surrogates, deep nesting and broken JSON in any field crash nothing."""
    others = json.dumps({name: value for name, value in MINIMAL.items() if name != field})
    survives(f'{others[:-1]}, "{field}": {literal}}}'.encode())
