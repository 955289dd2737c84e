"""Texts on pages of the console: they are seen as they are, and run nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from signoff_web import shown
from signoff_web.templating import environment

TEMPLATES = Path(shown.__file__).with_name("templates")


@pytest.fixture(scope="module")
def console() -> Environment:
    """Templates as those of the console are."""
    return environment().overlay(finalize=shown.visible)


@given(text=st.text())
def test_no_text_puts_markup_or_hidden_characters_on_a_page(text: str) -> None:
    """It is one line, escaped, and all of it can be seen."""
    template = environment().overlay(finalize=shown.visible).from_string("<p>{{ text }}</p>")
    shown_text = template.render(text=text).removeprefix("<p>").removesuffix("</p>")
    assert "<" not in shown_text
    assert shown_text.replace("\xa0%", " %").isprintable()


def test_controls_and_changes_of_direction_are_made_visible(console: Environment) -> None:
    """A name that reads backwards, or that a terminal would run, is shown as what it holds."""
    page = console.from_string("{{ text }}").render(text="a\u202eb\x1b[2J\n<b>")
    assert page == r"a\u202eb\x1b[2J\n&lt;b&gt;"


def test_a_text_of_several_lines_keeps_its_lines(console: Environment) -> None:
    """In `<pre>`; its other controls are visible."""
    page = console.from_string("{{ text | lines }}").render(text="{\n  <\u200b\n}")
    assert page == "{\n  &lt;\\u200b\n}"


def test_the_value_of_a_field_is_sent_back_as_it_was(console: Environment) -> None:
    """A form that is sent without a change changes nothing."""
    page = console.from_string('<input value="{{ text | as_is }}">').render(text='"\u200b')
    assert page == '<input value="&#34;\u200b">'


def test_a_number_that_is_not_known_is_never_shown_as_nothing(console: Environment) -> None:
    """And one that was counted up to a limit says so."""
    page = console.from_string("{{ none | number }}, {{ 1234 | number }}, {{ 9 | capped(9) }}")
    assert page.render() == "not known, 1,234, 9+"


def test_no_line_ends_between_a_number_and_its_percent_sign(console: Environment) -> None:
    """A line may end elsewhere in the text."""
    page = console.from_string("{{ text }}").render(text="0.0 % of 100 %, off by % 5")
    assert page == "0.0\xa0% of 100\xa0%, off by % 5"


@pytest.mark.parametrize(("many", "verb"), [(1, "waits"), (2, "wait")])
def test_one_job_waits_and_two_wait(many: int, verb: str, console: Environment) -> None:
    """The verb follows the number."""
    counts = {"waiting": many, "in_flight": 0}
    lead = console.get_template("ops/workers_lead.html")
    page = lead.render(queue={"queue": "approvals", "counts": counts})
    assert f"{many} {verb}, 0 in flight." in page


@pytest.mark.parametrize(("many", "verb"), [(1, "is"), (2, "are")])
def test_one_review_is_held_and_two_are(many: int, verb: str) -> None:
    """Also on the team's page."""
    waiting = {"waiting": 3, "held": many, "capped": False}
    view = {"waiting": waiting, "by_age": [], "held": [], "decided_today": [], "returned": []}
    page = environment().get_template("desk/team_view.html").render(view=view)
    assert f"3, of which {many} {verb} held" in page


@pytest.mark.parametrize(
    ("many", "said"), [(1, "1 was approved, and stays so."), (2, "2 were approved, and stay so.")]
)
def test_one_proposal_was_approved_and_two_were(many: int, said: str, console: Environment) -> None:
    """Where an approval of many was stopped."""
    effect = {"changed": many, "stopped_because": "a fault", "obstacles": {}}
    page = console.get_template("transitions/stopped.html")
    values = page.new_context({"effect": effect, "fields": {}, "mine": {"hidden": str}})
    assert said in "".join(page.blocks["content"](values))


@pytest.mark.parametrize(("many", "said"), [("1", "1 line"), ("2", "2 lines")])
def test_one_line_is_left_out_and_two_lines_are(many: str, said: str, console: Environment) -> None:
    """Of a difference."""
    line: dict[str, object] = {"change": "left out", "number": None, "text": many, "problems": []}
    text = '{% import "ops/letters/parts.html" as mine %}{{ mine.diff([line], "name") }}'
    assert f"… {said}</span>" in console.from_string(text).render(line=line)


def test_ltv_is_in_capitals(console: Environment) -> None:
    """In the name of a kind too; other words of a code are words."""
    page = console.from_string("{{ a | words }}, {{ b | words }}")
    assert page.render(a="ltv_overflow", b="user_mismatch") == "LTV overflow, User mismatch"


def test_a_slash_in_an_id_does_not_end_its_part_of_a_link(console: Environment) -> None:
    """A customer's id may hold anything."""
    text = '{% import "ops/parts.html" as parts with context %}{{ parts.customer(id) }}'
    page = console.from_string(text).render(id="a/b?<i>")
    assert page == '<a href="/customers/a%2Fb%3F%3Ci%3E"><bdi>a/b?&lt;i&gt;</bdi></a>'


def test_a_form_that_acts_has_a_key_of_its_own_and_wants_a_reason(console: Environment) -> None:
    """Two forms have different keys; fields of the page stand in the form."""
    text = (
        '{% import "ops/parts.html" as parts with context %}'
        '{% call parts.act("/x", "Go") %}<input name="rate">{% endcall %}'
        '{{ parts.act("/y", "Stop", reason="none", danger=true) }}'
    )
    page = console.from_string(text).render()
    keys = [part.split('"')[0] for part in page.split('name="key" value="')[1:]]
    assert len(set(keys)) == len(keys) == 2
    assert page.count(" required") == 1
    assert '<input name="rate">' in page
