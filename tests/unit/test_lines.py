"""Lines of a body that comes in pieces of any size."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_web.bodies import Inflater
from signoff_web.lines import Line, LineSplitter
from signoff_web.problems import ProblemError

MOST = 12


def lines_of(pieces: list[bytes]) -> list[Line]:
    """All lines of a body in pieces; none may be longer than `MOST`."""
    splitter = LineSplitter(MOST)
    found = [line for piece in pieces for line in splitter.split(piece)]
    return [*found, *splitter.last()]


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """The body in pieces that end at these places."""
    ends = sorted({place % (len(body) + 1) for place in places} | {len(body)})
    return [body[start:end] for start, end in zip([0, *ends], ends, strict=False)]


BODIES = st.lists(
    st.sampled_from([b"", b" ", b"\r", b"a", b"{}", b"x" * MOST, b"x" * (MOST + 1), b"y" * 40])
).map(b"\n".join)


@given(BODIES, st.lists(st.integers(0, 10_000)))
def test_any_split_gives_the_same_lines(body: bytes, places: list[int]) -> None:
    """Where the network cuts a body changes nothing."""
    assert lines_of(cut(body, places)) == lines_of([body])


@given(BODIES)
def test_lines_have_their_numbers_in_the_body(body: bytes) -> None:
    """Blank lines are left out, but counted; a long one is there without its text."""
    texts = body.split(b"\n")

    assert lines_of([body]) == [
        Line(number, text if len(text) <= MOST else None, len(text))
        for number, text in enumerate(texts, 1)
        if text.strip()
    ]


def test_a_line_that_is_too_long_is_not_held() -> None:
    """However long it is, what is kept of it is nothing."""
    splitter = LineSplitter(MOST)
    for _ in range(10_000):
        assert not list(splitter.split(b"z" * 1000))

    assert len(splitter._held) == 0
    assert list(splitter.split(b"\nok")) == [Line(1, None, 10_000_000)]
    assert list(splitter.last()) == [Line(2, b"ok", 2)]


def inflated(pieces: list[bytes]) -> bytes:
    """A compressed body in pieces, inflated."""
    inflater = Inflater()
    last = len(pieces) - 1
    found = [inflater.pieces(piece, is_last=n == last) for n, piece in enumerate(pieces)]
    return b"".join(piece for some in found for piece in some)


@given(st.lists(st.binary(max_size=200_000), min_size=1, max_size=3), st.lists(st.integers(0)))
def test_any_split_inflates_to_the_same_body(parts: list[bytes], places: list[int]) -> None:
    """A body may also be several that were compressed one by one."""
    body = b"".join(map(gzip.compress, parts))

    assert inflated(cut(body, places)) == b"".join(parts)


def test_a_body_inflates_piece_by_piece() -> None:
    """What a small message holds does not come at once."""
    plain = json.dumps(list(range(200_000))).encode()
    sizes = [len(piece) for piece in Inflater().pieces(gzip.compress(plain), is_last=True)]

    assert sum(sizes) == len(plain)
    assert max(sizes) <= 65_536


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(bytes(100_000_000)), 413),
        (gzip.compress(b"[1, 2, 3]")[:-9], 400),
        (gzip.compress(b"[1, 2, 3]") + b"rest", 400),
        (b"[1, 2, 3]", 400),
    ],
    ids=["bomb", "cut off", "with a rest", "plain"],
)
def test_what_does_not_inflate_is_refused(body: bytes, status: int) -> None:
    """A bomb is too large, and anything else is not what it is said to be."""
    with pytest.raises(ProblemError) as refused:
        inflated([body])

    assert refused.value.status == status
