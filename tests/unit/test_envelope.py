"""The envelope: the event in an RQ job's `data`, in each form that is accepted."""

import json
import pickle
import random
import tracemalloc
import zlib
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signoff_schemas import (
    FUNCTION,
    MAX_JOB_BYTES,
    ApprovalEvent,
    FailureKind,
    Identity,
    InvalidEvent,
    StatusDecision,
    decode_job,
    encode_job,
    first_bytes,
    inflate,
)

EVENT = (
    b'{ "event_id":"6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11",\n "ltv_amount": 250.0, "a": "\xc3\xa9" }'
)
EVENT_ID = UUID("6f1c5f0e-8a41-4d6b-9b53-0d2f1c7a9e11")
ESCAPED = json.dumps(FUNCTION).replace("signoff", "sign\\u006fff").encode()
NAME = json.dumps(FUNCTION).encode()
thorough = settings(deadline=None)
objects = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
)


def refusal(data: bytes) -> InvalidEvent:
    """Return why a job's data is refused."""
    with pytest.raises(InvalidEvent) as caught:
        decode_job(data)
    return caught.value


@given(objects)
@thorough
def test_an_encoded_job_can_be_decoded(event: dict[str, Any]) -> None:
    """Encoding and decoding a job gives the same bytes, compressed or not."""
    held = json.dumps(event).encode()

    assert decode_job(encode_job(held)) == (ApprovalEvent, held)
    assert decode_job(zlib.compress(encode_job(held))) == (ApprovalEvent, held)


def test_an_encoded_job_is_what_rq_calls() -> None:
    """It is RQ's JSON: function, instance, arguments, keyword arguments."""
    assert json.loads(encode_job(EVENT)) == [FUNCTION, None, [json.loads(EVENT)], {}]


@pytest.mark.parametrize("compress", [bytes, zlib.compress], ids=["plain", "zlib"])
@pytest.mark.parametrize(
    "data",
    [
        b"[%s,null,[%s],{}]" % (NAME, EVENT),
        b"\n [ %s ,\tnull , [ %s ] , { } ] \r\n" % (NAME, EVENT),
        b"[%s, null, [%s], {}]" % (ESCAPED, EVENT),
    ],
    ids=["compact", "roomy", "escaped"],
)
def test_any_form_of_the_envelope_keeps_the_events_bytes(data: bytes, compress: Any) -> None:
    """The event's JSON is not changed."""
    assert decode_job(compress(data)) == (ApprovalEvent, EVENT)


def test_a_number_too_long_for_an_int_does_not_break_the_envelope() -> None:
    """The event is taken out; its own rules then decide about the number."""
    event = b'{"quality_score": %s}' % (b"9" * 5000)

    assert decode_job(b"[%s,null,[%s],{}]" % (NAME, event)) == (ApprovalEvent, event)


@pytest.mark.parametrize("function", ["other.job", "signoff_worker.jobs.apply_approval2", ""])
@pytest.mark.parametrize("compress", [bytes, zlib.compress], ids=["plain", "zlib"])
def test_another_function_has_its_own_kind(function: str, compress: Any) -> None:
    """A job that carries no event is unknown_function; the function's name is shown."""
    rule = f"the job must call {FUNCTION} or {StatusDecision.function}"
    error = refusal(compress(json.dumps([function, None, [{}], {}]).encode()))

    assert error.kind is FailureKind.UNKNOWN_FUNCTION
    assert str(error) == f"{rule}; found {function!r}"
    assert error.loggable == rule


@pytest.mark.parametrize("compress", [bytes, zlib.compress], ids=["plain", "zlib"])
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_unread(protocol: int, compress: Any) -> None:
    """The output of RQ's default serializer is recognized and never loaded."""
    data = pickle.dumps((FUNCTION, None, ({},), {}), protocol)

    error = refusal(compress(data))

    assert error.kind is FailureKind.INVALID_PAYLOAD
    assert "the job is a pickle" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"5",
        b'"signoff_worker.jobs.apply_approval"',
        b"{}",
        b"[]",
        b"[null]",
        b"[5, null, [{}], {}]",
        b"[%s]" % NAME,
        b"[%s, null, [], {}]" % NAME,
        b"[%s, null, [5], {}]" % NAME,
        b"[%s, null, [{}], {}, 1]" % NAME,
        b"[%s,null,[{},{}],{}]" % NAME,
        b'[%s, null, [{}], {"a": 1}]' % NAME,
        b"[%s, null, [{}], []]" % NAME,
        b"[%s, 1, [{}], {}]" % NAME,
        b"[%s, null, {}, {}]" % NAME,
        b"[%s,null,[{}],{}] trailing" % NAME,
        b"[%s,null,[\xff],{}]" % NAME,
        b"\xef\xbb\xbf[%s,null,[{}],{}]" % NAME,
        b"[" * 100_000,
        b"\x00\xff\xfe",
        zlib.compress(encode_job(EVENT))[:-9],
        pickle.dumps(FUNCTION, 0),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_a_job_of_another_form_is_refused(data: bytes) -> None:
    """It is invalid_payload, and the text for the log quotes nothing of it."""
    error = refusal(data)

    assert error.kind is FailureKind.INVALID_PAYLOAD
    assert error.problems[0].path == ""
    assert len(str(error)) < 300
    assert "{}" not in error.loggable.replace(", {}]", "")


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b'{"a": 1', """found '{"a": 1'"""),
        (b"[" + b"9" * 299, "found '[" + "9" * 78 + "… (300 bytes)"),
        (b"[\xff", "found '[\ufffd'"),
    ],
)
def test_what_was_found_is_text_and_says_how_long_it_is(data: bytes, shown: str) -> None:
    """People read it: it begins like the data, and counts all of it."""
    assert str(refusal(data)).endswith(shown)


@given(st.binary(max_size=200))
@example(b"x^")
@example(b"\x80")
@thorough
def test_any_data_is_read_or_refused(data: bytes) -> None:
    """Random bytes never raise anything but InvalidEvent, inside and outside of zlib."""
    for candidate in (data, zlib.compress(data), zlib.compress(data)[:-1]):
        with pytest.raises(InvalidEvent):
            decode_job(candidate)


@given(st.binary(max_size=200))
@example(b"x^")
@example(b"x\x9c")
@example(zlib.compress(b"abc" * 100)[:-5])
@thorough
def test_data_that_is_not_zlib_is_unchanged(data: bytes) -> None:
    """A dead letter keeps the job's bytes, also if they begin like zlib."""
    try:
        plain = zlib.decompress(data)
    except zlib.error:
        plain = data

    assert inflate(data) == plain
    assert inflate(zlib.compress(data)) == data


def test_a_bomb_is_not_inflated() -> None:
    """A few kilobytes that would become many megabytes are refused, and kept unchanged."""
    bomb = zlib.compress(b" " * 50_000_000, 9)

    tracemalloc.start()
    try:
        assert [problem.code for problem in refusal(bomb).problems] == ["too_large"]
        assert inflate(bomb) == bomb
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * MAX_JOB_BYTES


@pytest.mark.parametrize(
    "data",
    [
        encode_job(b"{%s}" % (b" " * MAX_JOB_BYTES)),
        b"[%s,null,[{%s}],{}]" % (NAME, b" " * MAX_JOB_BYTES),
        zlib.compress(random.Random(1).randbytes(MAX_JOB_BYTES + 1)),
        b"[" + b"{}," * 2_000_000,
    ],
    ids=["canonical", "another form", "compressed", "repetition"],
)
def test_too_large_data_is_refused_without_reading_it(data: bytes) -> None:
    """The size is checked before anything is inflated or parsed."""
    tracemalloc.start()

    error = refusal(data)

    assert [problem.code for problem in error.problems] == ["too_large"]
    assert (inflate(data), Identity.of(data)) == (data, Identity())
    assert tracemalloc.get_traced_memory()[1] < 10 * MAX_JOB_BYTES
    tracemalloc.stop()


def test_the_first_bytes_are_inflated_in_bounds() -> None:
    """However much the data would inflate to."""
    data = zlib.compress(b"x" * 50_000_000)
    tracemalloc.start()
    assert first_bytes(data) == b"x" * 16
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("data", "first"),
    [
        (b"", b""),
        (b"x", b"x"),
        (b"\x80\x05K", b"\x80\x05K"),
        (zlib.compress(b"\x80\x05K\x01."), b"\x80\x05K\x01."),
        (zlib.compress(random.Random(2).randbytes(9000))[:4096], random.Random(2).randbytes(16)),
        (zlib.compress(b" " * 5_000_000), b" " * 16),
    ],
    ids=["empty", "short", "plain", "compressed", "a beginning", "a bomb"],
)
def test_the_first_bytes_of_data_need_only_its_beginning(data: bytes, first: bytes) -> None:
    """They are enough to recognize a pickle."""
    assert first_bytes(data) == first


# Identity


@pytest.mark.parametrize(
    ("payload", "identity"),
    [
        (EVENT, Identity(EVENT_ID, event_type="approval")),
        (
            b'{"event_id": "%s", "interaction_id": "%s", "user_id": "u 1"}'
            % (str(EVENT_ID).encode(), str(EVENT_ID).encode()),
            Identity(EVENT_ID, EVENT_ID, "u 1", "approval"),
        ),
        (
            b'{"event_id": 5, "interaction_id": "x", "user_id": "u"}',
            Identity(user_id="u", event_type="approval"),
        ),
        (b'{"user_id": "%s"}' % (b"u" * 300), Identity(user_id="u" * 200, event_type="approval")),
        (b'{"user_id": "a\\u0000b"}', Identity(event_type="approval")),
        (b'{"user_id": "\\ud800"}', Identity(event_type="approval")),
        (b'{"user_id": 5}', Identity(event_type="approval")),
        (b'{"event_type": "status_decision"}', Identity(event_type="status_decision")),
        (b'{"event_type": "other"}', Identity()),
        (b'{"event_type": ["approval"]}', Identity()),
        (
            b'{"event_id": "%s", "quality_score": %s}' % (str(EVENT_ID).encode(), b"9" * 5000),
            Identity(EVENT_ID, event_type="approval"),
        ),
        (b"[]", Identity()),
        (b"", Identity()),
        (b"\x80\x04", Identity()),
        (b"\xff\xfe\x00", Identity()),
        (b"[" * 200_000, Identity()),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_the_ids_of_a_refused_payload_are_read(payload: bytes, identity: Identity) -> None:
    """As far as they can be read and Postgres can store them."""
    assert Identity.of(payload) == identity


@given(st.binary(max_size=100) | objects.map(lambda event: json.dumps(event).encode()))
@thorough
def test_identity_is_found_or_not(payload: bytes) -> None:
    """Looking for the ids raises no error for any payload."""
    assert isinstance(Identity.of(payload), Identity)
