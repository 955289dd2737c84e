"""Filters of views from plain texts: what they stand for, and what is said of those that do not."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signoff_insight.report import Asked
from signoff_insight.views.registry import View
from signoff_ops.insight import UnknownViewError, view_named, views
from signoff_ops.insight_errors import WrongFiltersError
from signoff_ops.insight_filters import FILTERS, asked_of, filters_of
from signoff_schemas import EDIT_TAGS


def view(*filters: str) -> View:
    """A view that takes these filters, or all of them."""
    first = views()[0]
    return View("some", "Some", "Some.", first.answer, frozenset(filters or FILTERS))


def refusal(wanted: dict[str, str | None], *filters: str) -> WrongFiltersError:
    """Why filters are refused."""
    with pytest.raises(WrongFiltersError) as caught:
        asked_of(view(*filters), wanted)
    return caught.value


def test_each_filter_is_read() -> None:
    """A text for each field of the question; what is not given has its default."""
    wanted: dict[str, str | None] = {
        "since": "2021-03-01",
        "until": "2021-04-01",
        "within": "730",
        "cohort": "2020-02",
        "reviewer": "ann ü",
        "tag": EDIT_TAGS[-1],
        "at": "2021-05-31",
    }
    assert asked_of(view(), wanted) == Asked(
        date(2021, 3, 1),
        date(2021, 4, 1),
        730,
        date(2020, 2, 1),
        "ann ü",
        "TONE_ENERGY_UP",
        date(2021, 5, 31),
    )
    assert asked_of(view(), dict.fromkeys(wanted)) == Asked()


def test_each_field_of_the_question_has_a_filter() -> None:
    """And each view takes only those that there are."""
    assert list(FILTERS) == list(Asked.__dataclass_fields__)
    for each in views():
        assert each.filters <= set(FILTERS)
        assert [one.name for one in filters_of(each)] == [n for n in FILTERS if n in each.filters]


@pytest.mark.parametrize("name", ["since", "until", "at"])
@pytest.mark.parametrize(
    "text",
    ["", " ", "2021-02-29", "20210301", "2021-W01-1", "01.03.2021", "1899-12-31", "2200-01-01",
     "\uff12\uff10\uff12\uff11-03-01", "2021-03-01T00:00:00Z", "2021-03", "\0", "x" * 5000],
)  # fmt: skip
def test_what_is_no_day_is_refused(name: str, text: str) -> None:
    """By its name, with what was found, and what is allowed."""
    (problem,) = refusal({name: text}).problems
    assert (problem.path, problem.code) == (name, f"wrong_{name}")
    assert str(problem).startswith(f"{name} must be a day such as 2021-03-31, in the years 1900 to")
    assert len(str(problem)) < 250


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("within", "0", "a whole number of days from 1 to 730; found '0'"),
        ("within", "731", "from 1 to 730"),
        ("within", "-1", "from 1 to 730"),
        ("within", "1.5", "from 1 to 730"),
        ("within", "³", "from 1 to 730"),
        ("cohort", "2021-13", "a month such as 2021-03"),
        ("cohort", "2021-03-01", "a month such as 2021-03"),
        ("cohort", "0000-01", "a month such as 2021-03"),
        ("reviewer", "  ", "text that is not blank"),
        ("reviewer", "a\0b", "without the NUL character"),
        ("reviewer", "a" * 1001, "at most 1,000 characters"),
        ("reviewer", "\ud800", "text that is not blank"),
        ("tag", "cta_soft", "one of CTA_SOFT, CTA_MEDIUM"),
    ],
)
def test_a_wrong_value_is_named(name: str, text: str, allowed: str) -> None:
    """With what is allowed, and without characters that a terminal would obey."""
    message = str(refusal({name: text}))
    assert message.startswith(f"{name} must be ")
    assert allowed in message
    assert message.isprintable()


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Each filter has its problem."""
    error = refusal({"since": "x", "within": "x", "tag": "x"})
    assert [problem.path for problem in error.problems] == ["since", "within", "tag"]


def test_a_filter_that_the_view_does_not_take_is_refused_by_name() -> None:
    """Also one that no view has; the message tells those that it takes."""
    error = refusal({"tag": "CTA_SOFT", "colour\n": "red"}, "until", "since")
    assert [problem.path for problem in error.problems] == ["tag", r"colour\n"]
    assert "tag is no filter of the view some, which takes since, until" in str(error)


def test_a_time_must_not_be_empty() -> None:
    """`until` is the day after the last."""
    assert "must be later than the first day, 2021-03-01" in str(
        refusal({"since": "2021-03-01", "until": "2021-03-01"})
    )
    asked = asked_of(view(), {"since": "2021-03-01", "until": "2021-03-02"})
    assert asked.until == date(2021, 3, 2)


def test_an_unknown_view_is_refused_with_the_list() -> None:
    """With all names."""
    with pytest.raises(UnknownViewError, match=r"no view 'fun\\nel'; there are funnel"):
        view_named("fun\nel")


@given(st.dictionaries(st.sampled_from(list(FILTERS)), st.text(max_size=12)))
def test_any_text_is_taken_or_refused(wanted: dict[str, str | None]) -> None:
    """Nothing else happens, whatever stands there."""
    try:
        asked = asked_of(view(), wanted)
    except WrongFiltersError as error:
        refused = {problem.path for problem in error.problems}
    else:
        refused = set()
        assert 1 <= asked.within <= 730
    assert refused <= set(wanted)
