"""The approval event: each rule of the contract, on both sides of its limit, for each source."""

import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext
from enum import IntEnum
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
    EDIT_TAGS,
    MAX_EVENT_BYTES,
    ApprovalEvent,
    FailureKind,
    InvalidEvent,
    content_hash,
    fingerprint,
)

Mapping = dict[str, Any]
Road = Callable[[Mapping], ApprovalEvent]

EVENT_ID = "6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11"
INTERACTION_ID = "0b0d2f1c-7a9e-4111-8a41-6f1c5f0e4d6b"
MINIMAL: Mapping = {
    "event_id": EVENT_ID,
    "occurred_at": "2026-01-31T10:00:00Z",
    "interaction_id": INTERACTION_ID,
    "final_bubbles": ["Hello!"],
    "quality_score": 4,
}
REQUIRED = tuple(MINIMAL)
FULL: Mapping = MINIMAL | {
    "schema_version": 1,
    "user_id": "u-1",
    "reviewer_id": "r-1",
    "edit_tags": ["CTA_SOFT", "TONE_CASUAL"],
    "reviewer_notes": "fine",
    "cta_data": {"link": "https://example.org", "n": [1, 2.5, None]},
    "customer_status": "CUSTOMER",
    "ltv_amount": "250.00",
}
HUGE = "9" * 4000
HUGER = "9" * 5000


def as_bytes(event: Mapping) -> ApprovalEvent:
    """Parse JSON bytes."""
    return ApprovalEvent.parse(json.dumps(event).encode())


def as_text(event: Mapping) -> ApprovalEvent:
    """Parse JSON text that is not ASCII only."""
    return ApprovalEvent.parse(json.dumps(event, ensure_ascii=False, indent=1))


def constructed(event: Mapping) -> ApprovalEvent:
    """Call the constructor, which raises pydantic's own error."""
    return ApprovalEvent(**event)


ROADS: list[Road] = [as_bytes, as_text, ApprovalEvent.parse, constructed]


def with_raw(field: str, literal: str) -> bytes:
    """Return an event's JSON with exactly this text for a field."""
    others = json.dumps({name: value for name, value in MINIMAL.items() if name != field})
    return f'{others[:-1]}, "{field}": {literal}}}'.encode()


def refusal(source: Any) -> InvalidEvent:
    """Return why a source is refused."""
    with pytest.raises(InvalidEvent) as caught:
        ApprovalEvent.parse(source)
    return caught.value


def digest(source: Any) -> bytes:
    """Return the hash of an event's content."""
    return content_hash(ApprovalEvent.parse(source).canonical_json())


def nested(depth: int) -> Mapping:
    """Return an object that is so many objects deep."""
    inner: Mapping = {}
    for _ in range(depth - 1):
        inner = {"a": inner}
    return inner


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
identifiers = text.filter(bool)
bubbles = text.filter(lambda value: bool(value.strip("\x1c\x1d\x1e\x1f \t\n").strip()))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
json_objects = st.dictionaries(text, json_values, max_size=4).filter(
    lambda value: len(json.dumps(value, ensure_ascii=False).encode()) <= 4096
)
cents = st.integers(0, 1_000_000)
instants = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 -- hypothesis wants bounds without a zone
    datetime(2026, 1, 31),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "schema_version": st.just(1),
    "user_id": identifiers,
    "reviewer_id": identifiers,
    "edit_tags": st.lists(st.sampled_from(EDIT_TAGS), unique=True, max_size=20),
    "reviewer_notes": text,
    "cta_data": json_objects,
    "customer_status": st.sampled_from(CUSTOMER_STATUSES),
    "ltv_amount": cents.map(lambda amount: f"{amount // 100}.{amount % 100:02}"),
}
events: st.SearchStrategy[Mapping] = st.fixed_dictionaries(
    {
        "event_id": st.uuids().map(str),
        "occurred_at": instants.map(datetime.isoformat),
        "interaction_id": st.uuids().map(str),
        "final_bubbles": st.lists(bubbles, min_size=1, max_size=5),
        "quality_score": st.integers(1, 5),
    },
    optional=OPTIONAL,
)
thorough = settings(deadline=None, max_examples=150)


# Each rule, on both sides


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("event", [MINIMAL, FULL], ids=["minimal", "full"])
def test_every_kind_of_source_gives_the_same_event(road: Road, event: Mapping) -> None:
    """Bytes, text, a mapping and the constructor give equal events."""
    assert road(event) == ApprovalEvent.parse(event)


def test_fields_hold_python_values() -> None:
    """Ids are UUIDs, the instant is in UTC, lists cannot be changed, money is Decimal."""
    event = as_bytes(FULL | {"occurred_at": "2026-01-31T12:00:00+02:00"})

    assert event.event_id == UUID(EVENT_ID)
    assert event.occurred_at == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert event.occurred_at.tzinfo is UTC
    assert event.final_bubbles == ("Hello!",)
    assert event.edit_tags == ("CTA_SOFT", "TONE_CASUAL")
    assert isinstance(event.ltv_amount, Decimal)
    assert str(event.ltv_amount) == "250.00"


def test_a_mapping_may_hold_python_values() -> None:
    """UUID, aware datetime, Decimal and tuples are accepted as the JSON that they become."""
    event = FULL | {
        "event_id": UUID(EVENT_ID),
        "occurred_at": datetime(2026, 1, 31, 10, tzinfo=UTC),
        "ltv_amount": Decimal(250),
        "edit_tags": ("CTA_SOFT", "TONE_CASUAL"),
    }

    assert ApprovalEvent.parse(event) == as_bytes(FULL)


def test_an_event_is_parsed_once() -> None:
    """Parsing an event gives that very event."""
    event = as_bytes(FULL)

    assert ApprovalEvent.parse(event) is event


def test_an_event_cannot_be_changed() -> None:
    """Its fields are frozen."""
    event = as_bytes(FULL)

    with pytest.raises(ValidationError, match="frozen"):
        event.quality_score = 1  # type: ignore[misc]


def test_a_changed_copy_is_validated() -> None:
    """As if it had been read from JSON: it is an event, or refused by its field."""
    event = as_bytes(FULL)

    changed = event.model_copy(update={"ltv_amount": Decimal(7), "edit_tags": None})

    assert changed == as_bytes(FULL | {"ltv_amount": "7.00", "edit_tags": []})
    assert event.model_copy() == event
    with pytest.raises(InvalidEvent, match="quality_score"):
        event.model_copy(update={"quality_score": 9})


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "u"),
        ("user_id", "u" * 200),
        ("user_id", "ü" * 200),
        ("reviewer_id", "r" * 200),
        ("final_bubbles", ["a"] * 20),
        ("final_bubbles", ["a" * 500]),
        ("final_bubbles", ["😀" * 500]),
        ("final_bubbles", [" a\n"]),
        ("edit_tags", []),
        ("edit_tags", list(EDIT_TAGS[:20])),
        ("quality_score", 1),
        ("quality_score", 5),
        ("reviewer_notes", ""),
        ("reviewer_notes", "n" * 1000),
        ("cta_data", {}),
        ("cta_data", {"a": "x" * 4088}),
        ("cta_data", {"a": "é" * 2044}),
        ("cta_data", {"a": "\\u0000"}),
        ("cta_data", nested(200)),
        ("customer_status", "LEAD_EXHAUSTED"),
        ("schema_version", 1),
        *[("ltv_amount", amount) for amount in (0, 10_000, 0.1, 0.29, 9999.99, "10000.00", "0")],
        *[
            ("occurred_at", instant)
            for instant in (
                "2026-01-31T10:00:00z",
                "2026-01-31t10:00:00Z",
                "2026-01-31 10:00:00.5-00:00",
                "2026-01-31T10:00:00.123456789+05:30",
                "2024-02-29T23:59:59Z",
                "0001-01-01T00:00:00Z",
            )
        ],
    ],
)
def test_what_the_contract_allows_is_accepted(road: Road, field: str, value: Any) -> None:
    """The last value inside each limit is accepted, from each kind of source."""
    assert road(MINIMAL | {field: value}).event_id == UUID(EVENT_ID)


REFUSED: list[tuple[str, Any, str, str]] = [
    ("event_id", "x", "event_id", "uuid_parsing"),
    ("event_id", "X" * 16, "event_id", "uuid_parsing"),
    ("interaction_id", 5, "interaction_id", "uuid_type"),
    ("user_id", "", "user_id", "string_too_short"),
    ("user_id", "u" * 201, "user_id", "string_too_long"),
    ("user_id", "a\0b", "user_id", "string_pattern_mismatch"),
    ("user_id", 5, "user_id", "string_type"),
    ("reviewer_id", "r" * 201, "reviewer_id", "string_too_long"),
    ("final_bubbles", [], "final_bubbles", "too_short"),
    ("final_bubbles", ["a"] * 21, "final_bubbles", "too_long"),
    ("final_bubbles", "abc", "final_bubbles", "tuple_type"),
    ("final_bubbles", ["a", ""], "final_bubbles[1]", "string_too_short"),
    ("final_bubbles", ["a", " \u2003\n"], "final_bubbles[1]", "string_pattern_mismatch"),
    ("final_bubbles", ["a", "\0"], "final_bubbles[1]", "string_pattern_mismatch"),
    ("final_bubbles", ["a" * 501], "final_bubbles[0]", "string_too_long"),
    ("final_bubbles", ["a", None], "final_bubbles[1]", "string_type"),
    ("edit_tags", ["NO_SUCH"], "edit_tags[0]", "literal_error"),
    ("edit_tags", ["cta_soft"], "edit_tags[0]", "literal_error"),
    ("edit_tags", ["CTA_SOFT", "CTA_SOFT"], "edit_tags", "distinct"),
    ("edit_tags", list(EDIT_TAGS), "edit_tags", "too_long"),
    ("quality_score", 0, "quality_score", "greater_than_equal"),
    ("quality_score", 6, "quality_score", "less_than_equal"),
    ("quality_score", 4.5, "quality_score", "int_type"),
    ("quality_score", "4", "quality_score", "int_type"),
    ("quality_score", True, "quality_score", "int_type"),
    ("reviewer_notes", "n" * 1001, "reviewer_notes", "string_too_long"),
    ("reviewer_notes", "\0", "reviewer_notes", "string_pattern_mismatch"),
    ("cta_data", [], "cta_data", "dict_type"),
    ("cta_data", {"a": "x" * 4089}, "cta_data", "too_large"),
    ("cta_data", {"a": "é" * 2045}, "cta_data", "too_large"),
    ("cta_data", {"a": ["\0"]}, "cta_data", "nul"),
    ("cta_data", {"\0": 1}, "cta_data", "nul"),
    ("cta_data", {"a": "\\\0"}, "cta_data", "nul"),
    ("customer_status", "customer", "customer_status", "literal_error"),
    ("ltv_amount", -0.01, "ltv_amount", "greater_than_equal"),
    ("ltv_amount", 10_000.01, "ltv_amount", "less_than_equal"),
    ("ltv_amount", "10000.01", "ltv_amount", "less_than_equal"),
    ("ltv_amount", 0.001, "ltv_amount", "decimal_max_places"),
    ("ltv_amount", 0.1 + 0.2, "ltv_amount", "decimal_max_places"),
    ("ltv_amount", True, "ltv_amount", "amount"),
    ("ltv_amount", [1], "ltv_amount", "amount"),
    *[
        ("ltv_amount", amount, "ltv_amount", "amount")
        for amount in (
            *("", " ", " 1", "1 ", "1\n", "1_0", "1,0", "٣", "1e2", "+1", "-1", "-0"),
            *(".5", "5.", "0x1", "NaN", "Infinity", "250.000", "0.001"),
        )
    ],
    *[
        ("occurred_at", instant, "occurred_at", "instant")
        for instant in (
            *(1769853600, 1769853600.0, True, "", "now", "1769853600", "2026-01-31"),
            *("2026-01-31T10:00:00", "2026-01-31T10:00Z", "2026-01-31T10:00:00+0200"),
            *("2026-01-31T10:00:00Z\n", "\uff12026-01-31T10:00:00Z", "2026-01-31T10:00:00.Z"),
            *("0001-01-01T00:00:00+23:59", "+2026-01-31T10:00:00Z"),
        )
    ],
    ("occurred_at", "2026-02-30T10:00:00Z", "occurred_at", "datetime_from_date_parsing"),
    ("occurred_at", "2026-01-31T10:00:00+24:00", "occurred_at", "datetime_from_date_parsing"),
    ("occurred_at", "0000-01-01T00:00:00Z", "occurred_at", "datetime_parsing"),
    ("unheard_of", 1, "unheard_of", "extra_forbidden"),
    ("User_id", "u", "User_id", "extra_forbidden"),
]


@pytest.mark.parametrize(("field", "value", "path", "code"), REFUSED)
def test_what_the_contract_forbids_is_refused(field: str, value: Any, path: str, code: str) -> None:
    """The first value outside each limit is refused, in bytes and in a mapping, with its path."""
    event = MINIMAL | {field: value}

    for error in (refusal(json.dumps(event).encode()), refusal(event)):
        assert [(problem.path, problem.code) for problem in error.problems] == [(path, code)]
        assert error.kind is FailureKind.INVALID_PAYLOAD


@pytest.mark.parametrize(("field", "value", "path"), [case[:3] for case in REFUSED])
def test_the_constructor_has_the_same_rules(field: str, value: Any, path: str) -> None:
    """It refuses what is refused in JSON, with pydantic's error."""
    with pytest.raises(ValidationError) as caught:
        constructed(MINIMAL | {field: value})

    assert InvalidEvent.from_pydantic(caught.value).problems[0].path == path


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("given", ["absent", "null"])
def test_required_fields_are_required(field: str, given: str) -> None:
    """A required field that is absent or null is named."""
    event = MINIMAL | {field: None}
    if given == "absent":
        del event[field]

    (problem,) = refusal(event).problems

    assert problem.path == field
    assert given == "null" or str(problem) == f"{field} is required"


@pytest.mark.parametrize("version", [0, 2, -1, True, 1.5, "1", [], {}, 10**30])
def test_another_version_has_its_own_kind(version: Any) -> None:
    """Any other schema_version is unsupported_version, whatever else is wrong with the event."""
    error = refusal(MINIMAL | {"schema_version": version, "quality_score": 9})

    assert error.kind is FailureKind.UNSUPPORTED_VERSION
    assert str(error).startswith("schema_version must be 1, ")


def test_the_clock_may_be_five_minutes_behind() -> None:
    """Almost five minutes ahead is accepted; more is refused."""
    now = datetime.now(UTC)

    ahead = ApprovalEvent.parse(MINIMAL | {"occurred_at": now + timedelta(minutes=5)})
    (problem,) = refusal(MINIMAL | {"occurred_at": now + timedelta(minutes=6)}).problems
    assert ahead.occurred_at == now + timedelta(minutes=5)
    assert (problem.path, problem.code) == ("occurred_at", "instant_ahead")


# Money


@pytest.mark.parametrize(
    ("literal", "amount"),
    [
        ("0.1", "0.10"),
        ("0.29", "0.29"),
        ("4.35", "4.35"),
        ("1e2", "100.00"),
        ("1.5E+1", "15.00"),
        ("1e-2", "0.01"),
        ("1E-000000000000002", "0.01"),
        ("-0", "0.00"),
        ("-0.0", "0.00"),
        ("0e999", "0.00"),
        ("10000", "10000.00"),
        ("250.000", "250.00"),
        (f"0.01{'0' * 400}", "0.01"),
        ('"00250.5"', "250.50"),
        (f'"{"0" * 5000}7"', "7.00"),
    ],
)
def test_amounts_are_exact(literal: str, amount: str) -> None:
    """Every form of a number of cents is that number of cents."""
    assert str(ApprovalEvent.parse(with_raw("ltv_amount", literal)).ltv_amount) == amount


@pytest.mark.parametrize(
    ("literal", "code"),
    [
        ("100.000000000000000001", "decimal_max_places"),
        ("9999.999999999999999999", "decimal_max_places"),
        (f"10000.{'0' * 400}1", "decimal_max_places"),
        ("1e-400", "decimal_max_places"),
        ("-1e-400", "decimal_max_places"),
        ("1e-1000000000", "decimal_max_places"),
        ("1e-99999999999999999999", "decimal_max_places"),
        ("1e-3", "decimal_max_places"),
        ("10000.01", "less_than_equal"),
        (HUGE, "less_than_equal"),
        ("1e300", "less_than_equal"),
        ("1e400", "finite_number"),
        ("NaN", "finite_number"),
        ("Infinity", "finite_number"),
        ("-Infinity", "finite_number"),
        ("true", "amount"),
        (f'"{HUGE}"', "less_than_equal"),
    ],
)
def test_amounts_are_never_rounded(literal: str, code: str) -> None:
    """A digit too many is refused, even one that a double cannot hold."""
    (problem,) = refusal(with_raw("ltv_amount", literal)).problems

    assert (problem.path, problem.code) == ("ltv_amount", code)


@given(cents)
@thorough
def test_no_amount_changes_on_its_way(amount: int) -> None:
    """Any number of cents, as a number or as text, becomes exactly that."""
    canonical = f"{amount // 100}.{amount % 100:02}"

    for literal in (canonical, f'"{canonical}"', f"{canonical}0", f"{amount}e-2"):
        event = ApprovalEvent.parse(with_raw("ltv_amount", literal))
        assert event.ltv_amount == Decimal(amount) / 100


@given(st.decimals(min_value=0, max_value=10_000) | st.decimals())
@example(Decimal("1E+2"))
@example(Decimal("-0.00"))
@example(Decimal("250.000"))
@example(Decimal("100." + "0" * 40 + "1"))
@example(Decimal("1E+999999"))
@example(Decimal("sNaN"))
@thorough
def test_decimals_are_numbers(amount: Decimal) -> None:
    """The value of a Decimal counts, with the same rule in a mapping and in the constructor."""
    event = MINIMAL | {"ltv_amount": amount}
    allowed = amount.is_finite() and 0 <= amount <= 10_000 and (amount * 100) % 1 == 0
    allowed = allowed and len(amount.as_tuple().digits) < 28

    for road in (ApprovalEvent.parse, constructed):
        if allowed:
            assert road(event).ltv_amount == amount
        elif amount.is_finite() and 0 <= amount <= 10_000:
            with pytest.raises((InvalidEvent, ValidationError), match=r"decimal (place|digit)"):
                road(event)
        else:
            with pytest.raises((InvalidEvent, ValidationError)):
                road(event)


@pytest.mark.parametrize("road", ROADS)
def test_the_callers_decimal_context_does_not_matter(road: Road) -> None:
    """An upstream that calculates with three digits publishes all of its cents."""
    with localcontext(prec=3):
        event = road(MINIMAL | {"ltv_amount": 1234.56})

    assert str(event.ltv_amount) == "1234.56"


def test_numbers_of_other_libraries_are_numbers() -> None:
    """For a subclass of float or int, as in numpy, the value counts, whatever its repr is."""

    class Float64(float):
        def __repr__(self) -> str:
            return f"np.float64({float(self)})"

    class Tier(IntEnum):
        GOLD = 250

    class Dollars(Decimal):
        def __str__(self) -> str:
            return f"${super().__str__()}"

    assert b'"0.29"' in constructed(MINIMAL | {"ltv_amount": Dollars("0.29")}).canonical_json()
    assert constructed(MINIMAL | {"ltv_amount": Float64(0.29)}).ltv_amount == Decimal("0.29")
    assert constructed(MINIMAL | {"ltv_amount": Tier.GOLD}).ltv_amount == Decimal(250)


@pytest.mark.parametrize("given", [None, 0])
def test_zero_is_not_absent(given: int | None) -> None:
    """An amount of 0 is kept; null leaves it out."""
    held = ApprovalEvent.parse(MINIMAL | {"ltv_amount": given})

    assert held.ltv_amount == given
    assert (b"ltv_amount" in held.canonical_json()) is (given is not None)


# The canonical form


@given(events)
@thorough
def test_the_canonical_form_is_a_fixed_point(event: Mapping) -> None:
    """Reading the canonical form gives the same event, the same form and the same hash."""
    first = as_bytes(event)
    second = ApprovalEvent.parse(first.canonical_json())

    assert second == first
    assert second.canonical_json() == first.canonical_json()


@given(events)
@thorough
def test_no_field_of_a_valid_event_is_lost(event: Mapping) -> None:
    """No field of a valid event is lost or altered on its way."""
    held = json.loads(as_bytes(event).canonical_json())

    for field, value in event.items():
        match field:
            case "schema_version":
                assert field not in held
            case "edit_tags":
                assert held.get(field, []) == value
            case "occurred_at":
                assert datetime.fromisoformat(held[field]) == datetime.fromisoformat(value)
            case "ltv_amount":
                assert Decimal(held[field]) == Decimal(value)
            case _:
                assert held[field] == value


@given(events, st.randoms(use_true_random=False), st.sampled_from([None, 2]))
@thorough
def test_the_form_of_the_json_does_not_matter(
    event: Mapping, random: Any, indent: int | None
) -> None:
    """Key order (in cta_data too), whitespace and escapes leave the hash alone."""
    respelled = shuffled(event, random)
    assert digest(json.dumps(respelled, indent=indent, ensure_ascii=indent is None)) == digest(
        event
    )


@given(events)
@thorough
def test_absent_and_null_are_the_same(event: Mapping) -> None:
    """An optional field that is null, or has its default, is the same content as an absent one."""
    nulls = dict.fromkeys(OPTIONAL) | event

    assert digest(nulls) == digest(event)
    assert digest({"schema_version": 1, "edit_tags": []} | event) == digest(event)


@given(events, st.integers(-1439, 1439))
@thorough
def test_all_texts_of_one_instant_are_the_same(event: Mapping, offset: int) -> None:
    """The offset in which an instant is written leaves the hash alone."""
    instant = datetime.fromisoformat(event["occurred_at"]).astimezone(UTC)
    moved = instant.astimezone(timezone(timedelta(minutes=offset)))

    for form in (moved.isoformat(), instant.isoformat().replace("+00:00", "Z"), moved):
        assert digest(event | {"occurred_at": form}) == digest(event)


@given(
    st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]", fullmatch=True),
    st.from_regex(r"[0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.][0-9]{1,9})?", fullmatch=True),
)
@example("2026-01-31", "24:00:00")
@example("2026-01-31", "23:59:60")
@example("2026-02-29", "10:00:00")
@example("0000-01-01", "00:00:00")
@thorough
def test_z_is_no_more_and_no_less_than_no_offset(date: str, time: str) -> None:
    """Whatever day and time are written, Z and +00:00 mean the same instant or the same mistake."""

    def read(form: str) -> tuple[object, ...]:
        try:
            return (ApprovalEvent.parse(MINIMAL | {"occurred_at": form}).occurred_at,)
        except InvalidEvent as error:
            return tuple((problem.rule, problem.code) for problem in error.problems)

    assert read(f"{date}T{time}Z") == read(f"{date}T{time}+00:00")


@pytest.mark.parametrize("literal", ["250", "250.0", '"250.00"', "2.5e2", "25000e-2", '"250"'])
def test_all_texts_of_one_amount_are_the_same(literal: str) -> None:
    """250, 250.0 and "250.00" have one hash."""
    assert digest(with_raw("ltv_amount", literal)) == digest(with_raw("ltv_amount", "250.000"))


@pytest.mark.parametrize(
    "form", [EVENT_ID.upper(), EVENT_ID.replace("-", ""), f"urn:uuid:{EVENT_ID}"]
)
def test_all_texts_of_one_uuid_are_the_same(form: str) -> None:
    """Upper case, no dashes and the URN form name the same event."""
    assert digest(MINIMAL | {"event_id": form}) == digest(MINIMAL)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", INTERACTION_ID),
        ("occurred_at", "2026-01-31T10:00:00.000001Z"),
        ("interaction_id", EVENT_ID),
        ("user_id", "u-2"),
        ("reviewer_id", "r-2"),
        ("final_bubbles", ["Hello"]),
        ("edit_tags", ["TONE_CASUAL", "CTA_SOFT"]),
        ("quality_score", 5),
        ("reviewer_notes", ""),
        ("cta_data", {}),
        ("customer_status", "CHURNED"),
        ("ltv_amount", "250.01"),
        ("ltv_amount", None),
        ("ltv_amount", 0),
    ],
)
def test_another_content_has_another_hash(field: str, value: Any) -> None:
    """A change of any field changes the hash."""
    assert digest(FULL | {field: value}) != digest(FULL)


def test_the_last_of_duplicate_keys_counts() -> None:
    """As in all usual JSON parsers; the digits of an earlier key do not count."""
    first = f'{{"ltv_amount": 1.00000000000000000001, "quality_score": 1, {json.dumps(FULL)[1:]}'

    assert digest(first) == digest(FULL)


@given(events)
@thorough
def test_the_json_schema_admits_every_valid_event(event: Mapping) -> None:
    """So a publisher in another language may check its events against the schema."""
    amount = event.get("ltv_amount")
    as_number = event if amount is None else event | {"ltv_amount": float(amount)}
    as_nulls = dict.fromkeys(OPTIONAL) | event

    for form in (event, as_number, as_nulls):
        assert not list(SCHEMA.iter_errors(form))


SCHEMA = Draft202012Validator(ApprovalEvent.model_json_schema())


# Errors


@pytest.mark.parametrize(
    ("field", "value", "rule", "found"),
    [
        ("quality_score", 9, "must be at most 5", "9"),
        ("final_bubbles", "a", "must be a list", "'a'"),
        ("event_id", "zebra", f"must be a UUID, such as {EVENT_ID}", "'zebra'"),
        ("ltv_amount", "10000.01", "must be at most 10000", "10000.01"),
        ("ltv_amount", 1.005, "must have at most 2 decimal places", "1.005"),
        (
            "user_id",
            "u" * 201,
            "must hold at most 200 characters",
            f"'{'u' * 79}… (201 characters)",
        ),
        ("extra", 1, "is not a field of an approval event; remove it or check its spelling", "1"),
    ],
)
def test_an_error_names_place_rule_and_finding(
    field: str, value: Any, rule: str, found: str
) -> None:
    """The message holds the path, what is allowed, and what was found, shortened."""
    assert str(refusal(MINIMAL | {field: value})) == f"{field} {rule}; found {found}"


def test_an_error_names_the_item_and_the_allowed_values() -> None:
    """The path holds the position in a list; a closed set is listed."""
    error = refusal(MINIMAL | {"final_bubbles": ["a", " "], "customer_status": "VIP"})

    assert [problem.path for problem in error.problems] == ["final_bubbles[1]", "customer_status"]
    assert all(status in error.problems[1].rule for status in CUSTOMER_STATUSES)


def test_every_problem_is_listed() -> None:
    """The text lists five; the data lists them all."""
    error = refusal({f"field{i}": 1 for i in range(10)})

    assert len(error.problems) == len(error.detail) == 15
    assert str(error).endswith("; and 10 more")
    assert json.loads(json.dumps(error.detail)) == error.detail


def test_the_number_of_listed_problems_is_bounded() -> None:
    """A hostile payload does not become a dead letter many times its size."""
    error = refusal({f"f{i}": 1 for i in range(9000)})

    assert len(error.problems) == 51
    assert "8955 more problems are not listed" in error.problems[-1].rule


@given(st.dictionaries(st.text(min_size=1, max_size=300), st.none(), min_size=1, max_size=3))
@example({"a\0b\nc\u202e": None})
@example({"n" * 5000: None})
@thorough
def test_names_of_unknown_fields_are_harmless(extra: Mapping) -> None:
    """They cannot break a log line or a text in Postgres, and their length is bounded."""
    error = refusal(json.dumps({**MINIMAL, **extra, "x": 1}).encode())

    for line in (str(error), error.loggable):
        assert line.isprintable()
        assert len(line) < 1500


SECRET = "ɸquokka"


@pytest.mark.parametrize("field", [*REQUIRED, *OPTIONAL])
@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        SECRET * 800,
        [SECRET],
        [{SECRET: SECRET}],
        {"a": f"{SECRET}\0"},
        {SECRET: [float("nan")]},
    ],
    ids=["text", "long", "list", "deep", "nul", "nan"],
)
def test_a_logged_problem_quotes_no_value(field: str, value: Any) -> None:
    """A log line names the rule, and never a customer's text."""
    event = json.dumps(MINIMAL | {field: value, "also": SECRET}).encode()

    assert "ɸ" not in refusal(event).loggable


@pytest.mark.parametrize(
    "value", [object(), {1: {SECRET: object()}}, b"\xff" + SECRET.encode(), f"\ud800{SECRET}"]
)
def test_a_mapping_that_is_not_json_is_refused(value: Any) -> None:
    """Objects, bytes that are not UTF-8 and lone surrogates raise InvalidEvent."""
    error = refusal(MINIMAL | {"user_id": value})

    assert error.kind is FailureKind.INVALID_PAYLOAD
    assert SECRET not in error.loggable


def test_a_refusal_can_be_pickled() -> None:
    """Process pools pickle errors; kind and problems are kept."""
    error = refusal({"quality_score": 9})
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

    assert (copy.kind, copy.problems, str(copy)) == (error.kind, error.problems, str(error))


def test_the_same_cause_has_the_same_fingerprint() -> None:
    """The rule counts; which bubble it was and its text do not."""

    def cause(bubbles: list[str]) -> str:
        error = refusal(MINIMAL | {"final_bubbles": bubbles})
        return fingerprint(error.kind, error.cause)

    assert cause(["a", " "]) == cause(["\t", "b", "\n"])
    assert cause(["a", " "]) != cause(["a", "b" * 501])


def test_a_writer_cannot_create_many_fingerprints() -> None:
    """With any fields and combinations there are few causes."""

    def cause(**fields: Any) -> str:
        error = refusal(MINIMAL | fields)
        return fingerprint(error.kind, error.cause)

    unknown = {cause(**{name: 1}) for name in ("a", "a.b", "a[0]", "\u2028", "x" * 900)}
    assert len(unknown) == 1
    assert cause(cta_data={"a": float("nan")}) == cause(cta_data={"b": {"c": float("inf")}})
    assert cause(quality_score=9) == cause(quality_score=9, ltv_amount=-1)


# Whatever comes


def survives(source: Any) -> None:
    """Parse a source; only InvalidEvent may be raised, and it can be shown and stored."""
    try:
        event = ApprovalEvent.parse(source)
    except InvalidEvent as error:
        shown = (str(error), error.loggable, error.cause, json.dumps(error.detail))
        assert all(text and "\0" not in text for text in shown)
    else:
        assert ApprovalEvent.parse(event.canonical_json()) == event


@given(st.binary(max_size=300))
@thorough
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Random bytes never raise anything but InvalidEvent."""
    survives(data)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals()
    | st.datetimes() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=10,
)  # fmt: skip


@given(anything)
@thorough
def test_any_python_value_is_read_or_refused(value: Any) -> None:
    """Also a publisher's mistakes: dates, bytes, decimals, surrogates in wrong places."""
    survives(value)


@given(events, st.sampled_from([*REQUIRED, *OPTIONAL, "extra"]), anything)
@thorough
def test_any_mutation_is_read_or_refused(event: Mapping, field: str, value: Any) -> None:
    """A valid event with one field replaced by anything is accepted or refused."""
    survives(event | {field: value})


@given(events, st.data())
@thorough
def test_any_corruption_is_read_or_refused(event: Mapping, data: st.DataObject) -> None:
    """A valid event with some of its bytes replaced is accepted or refused."""
    held = json.dumps(event).encode()
    start = data.draw(st.integers(0, len(held)))
    end = data.draw(st.integers(start, len(held)))

    survives(held[:start] + data.draw(st.binary(max_size=5)) + held[end:])


@pytest.mark.parametrize("field", [*REQUIRED, *OPTIONAL, "extra"])
@pytest.mark.parametrize(
    "literal",
    [
        *(HUGE, HUGER, f"-{HUGER}", f"0.{HUGER}", f"1e{HUGE}", f"1e-{HUGE}", "1e-99999999999"),
        *('"\\ud800"', '"\\udc00\\ud800"', '{"\\ud800": 1}', '"\\u0000"', '{"a": NaN}'),
        *("[" * 150 + "]" * 150, '{"a":' * 150 + "1" + "}" * 150, "[" * 100_000),
        *(f'{{"a": {HUGE}}}', f'{{"a": {HUGER}}}', f'{{"a": {HUGER}, "a": 1}}', "-", "1.", "'x'"),
    ],
    ids=lambda literal: literal[:12],
)
def test_hostile_values_are_refused(field: str, literal: str) -> None:
    """Long numbers, lone surrogates, deep nesting and broken JSON in any field crash nothing."""
    survives(with_raw(field, literal))


@pytest.mark.parametrize("depth", [200, 201, 256, 500, 900, 2000])
def test_the_depth_of_cta_data_is_bounded(depth: int) -> None:
    """The constructor accepts exactly what the JSON parser can read back."""
    event = MINIMAL | {"cta_data": nested(depth)}

    if depth == 200:
        held = constructed(event)
        assert ApprovalEvent.parse(held.canonical_json()) == held
    else:
        with pytest.raises(ValidationError, match="200 deep"):
            constructed(event)
        assert refusal(event).kind is FailureKind.INVALID_PAYLOAD


def test_circular_mappings_are_refused() -> None:
    """A mapping that holds itself is not JSON."""
    circle: Mapping = {}
    circle["a"] = circle

    survives(MINIMAL | {"cta_data": circle})
    with pytest.raises(ValidationError, match="JSON object"):
        constructed(MINIMAL | {"cta_data": circle})


@pytest.mark.parametrize(
    "data",
    [
        b" " * 10_000_000,
        b"[" * 10_000_000,
        json.dumps(MINIMAL | {"reviewer_notes": "n" * 10_000_000}).encode(),
    ],
    ids=["blanks", "brackets", "notes"],
)
def test_a_huge_payload_is_refused_without_reading_it(data: bytes) -> None:
    """Ten megabytes are refused for their size; the message names it."""
    error = refusal(data)

    assert [problem.code for problem in error.problems] == ["too_large"]
    assert f"{len(data)} bytes" in str(error)


def test_the_largest_valid_event_fits() -> None:
    """With each field at its limit and each character in its longest JSON form, it is smaller."""
    largest = MINIMAL | {
        "user_id": "😀" * 200,
        "reviewer_id": "😀" * 200,
        "final_bubbles": ["😀" * 500] * 20,
        "edit_tags": sorted(EDIT_TAGS, key=len)[1:],
        "reviewer_notes": "😀" * 1000,
        "cta_data": {"a": "é" * 2044},
    }

    data = json.dumps(largest).encode()

    assert 100_000 < len(data) < MAX_EVENT_BYTES
    assert ApprovalEvent.parse(data).canonical_json()
