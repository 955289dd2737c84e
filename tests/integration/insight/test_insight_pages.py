"""The pages of insight: the same numbers as the views, filters in the address, and CSV."""

import re
from collections.abc import Iterator
from http import HTTPStatus

import httpx
import pytest
import web
from approvals import approval
from cdnow import cdnow_events
from insight import build_facts, view
from pages import HOSTILE, shown, text_of

from signoff_insight.facts.reader import FactsReader
from signoff_insight.report import Asked, Table
from signoff_insight.views.registry import VIEWS
from signoff_ops.insight_data import csv_of
from signoff_ops.insight_data import shown as said
from signoff_schemas.access import Scope
from signoff_schemas.wording import printable

VIEWER = web.acting_as("vera", Scope.READ, kind="user")
PAGE = {"accept": "text/html", "sec-fetch-site": "same-origin"}
NOBODY = f"{HOSTILE} {'x' * 150}"


@pytest.fixture(scope="module")
def facts_url(module_database_url: str) -> str:
    """A database with the facts of the CDNOW sample, and of a customer whose names attack."""
    attack = approval(user_id=NOBODY, reviewer_id=NOBODY, occurred_at=cdnow_events()[0].occurred_at)
    build_facts(module_database_url, [*cdnow_events(), attack])
    return module_database_url


@pytest.fixture(scope="module")
def pages(redis_server: str, facts_url: str) -> Iterator[httpx.Client]:
    """The browser of somebody who may read."""
    with web.client(redis_server, facts_url, authenticate=VIEWER) as client:
        client.headers.update(PAGE)
        yield client


@pytest.fixture
def bare(redis_url: str, database_url: str) -> Iterator[httpx.Client]:
    """The same where there are no facts yet."""
    with web.client(redis_url, database_url, authenticate=VIEWER) as client:
        client.headers.update(PAGE)
        yield client


def numbers(table: Table) -> list[str]:
    """The values of a table, as people read them."""
    found = (
        said(value, column.unit)
        for row in table.rows
        for value, column in zip(row, table.columns, strict=True)
    )
    return [text for text in found if text is not None]


@pytest.mark.parametrize("name", VIEWS)
def test_a_page_shows_what_its_view_answers(pages: httpx.Client, facts_url: str, name: str) -> None:
    """With title, definition, how far the data reaches, and each value of each table."""
    report = view(facts_url, name)
    answer = pages.get(f"/insight/{name}")
    assert answer.status_code == HTTPStatus.OK, answer.text
    text = text_of(answer)
    assert report.title in text
    assert report.definition in text
    if name == "desk":
        assert "Read from the reviews at " in text
        assert "There is nothing to show yet. Looked at: all reviews." in text
    else:
        assert "Data until 2022-06-30 09:00 (UTC). From 2022-06-28 on, late events may" in text
    for table in report.tables:
        assert table.title in text
        for number in numbers(table):
            assert " ".join(printable(number).split()) in text
    assert "style=" not in answer.text


@pytest.mark.parametrize("name", VIEWS)
def test_a_table_is_kept_as_csv(pages: httpx.Client, facts_url: str, name: str) -> None:
    """By the link of the page: exactly what is shown, also with a filter."""
    page = pages.get(f"/insight/{name}?reviewer=nobody&since=").text
    links = re.findall(rf'"(/insight/{name}\.csv\?[^"]+)"', page)
    links = [link.replace("&amp;", "&") for link in links]
    for table in view(facts_url, name).tables:
        answer = pages.get(f"/insight/{name}.csv", params={"table": table.name})
        assert answer.headers["content-type"].startswith("text/csv")
        assert f'filename="{name}-{table.name}.csv"' in answer.headers["content-disposition"]
        assert answer.text == csv_of(table)
    for link in links:
        assert pages.get(link).status_code == HTTPStatus.OK
        assert "reviewer=nobody" in link
        assert "since" not in link


def test_filters_select_and_stay_in_their_fields(pages: httpx.Client, facts_url: str) -> None:
    """A page with filters shows the answer to this question."""
    asked = Asked(within=60, cohort=cdnow_events()[0].occurred_at.date().replace(day=1))
    cohort = f"{asked.cohort:%Y-%m}"
    answer = pages.get(f"/insight/funnel?within=60&cohort={cohort}")
    text = text_of(answer)
    for table in view(facts_url, "funnel", asked).tables:
        for number in numbers(table):
            assert number in text
    assert f'value="{cohort}"' in answer.text
    assert "within 60 days" in text


def test_a_filter_that_cannot_be_taken_is_explained_beside_its_field(pages: httpx.Client) -> None:
    """All of them at once, also one that the view does not take; nothing is shown then."""
    answer = pages.get("/insight/funnel?within=0&cohort=May&tag=x&at=2021-01-01&reviewer=ann")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    text = text_of(answer)
    assert "Within … days must be a whole number of days from 1 to 730" in text
    assert "Cohort (month) must be a month such as 2021-03" in text
    assert "First edit tag must be one of CTA_SOFT" in text
    assert "at is no filter of the view funnel, which takes since, until" in text
    assert answer.text.count('aria-invalid="true"') == 3
    assert '<svg class="in-svg"' not in answer.text
    hostile = pages.get("/insight/funnel", params={HOSTILE: "1"})
    assert "is no filter of the view funnel" in text_of(hostile)


def test_where_nothing_matches_the_page_says_what_was_looked_at(pages: httpx.Client) -> None:
    """It is no empty page."""
    text = shown(pages, "/insight/funnel?cohort=1999-01")
    assert "Nothing matches. Looked at: all customer facts, with cohort 1999-01." in text


@pytest.mark.parametrize(
    "path", ["/insight", *(f"/insight/{name}" for name in VIEWS if name != "desk")]
)
def test_without_facts_a_page_says_how_to_start(bare: httpx.Client, path: str) -> None:
    """It shows no zeros that nobody counted."""
    text = shown(bare, path)
    assert "There are no customer facts yet." in text
    assert "signoff insight run" in text
    assert "Looked at" not in text
    assert "Data until" not in text


def test_a_rebuild_under_way_is_said(bare: httpx.Client, database_url: str) -> None:
    """With the share that is done."""
    build_facts(database_url, [approval(), approval()])
    reader = FactsReader(database_url, "UTC")
    reader.begin_rebuild()
    reader.close()
    assert "The facts are being computed, 0 % are done." in shown(bare, "/insight/funnel")
    assert "The facts are being computed, 0 % are done." in shown(bare, "/insight")


def test_the_overview_tells_the_first_figures(pages: httpx.Client, facts_url: str) -> None:
    """Each leads to its view, and all views are listed with their definitions."""
    answer = pages.get("/insight")
    text = text_of(answer)
    months = [
        one for one in view(facts_url, "funnel").table("months").records if one["is_complete"]
    ]
    for month in months[-3:]:
        assert f"{month['converted']:,} of {month['observed']:,}" in text
    for one in VIEWS.values():
        assert f'href="/insight/{one.name}"' in answer.text
        assert one.definition in text


def test_what_there_is_not_is_said(pages: httpx.Client) -> None:
    """A view or a table that there is not is 404, as a page."""
    for path in ("/insight/x", "/insight/x.csv", "/insight/funnel.csv?table=x"):
        answer = pages.get(path)
        assert answer.status_code == HTTPStatus.NOT_FOUND
        assert "<h1>" in answer.text


def test_the_header_leads_to_insight(pages: httpx.Client) -> None:
    """From the console by one link; on its pages there are all of them."""
    assert 'href="/insight"' in pages.get("/ops/workers").text
    assert 'href="/insight/funnel"' not in pages.get("/ops/workers").text
    assert '<a href="/insight/ltv" aria-current="page">' in pages.get("/insight/ltv").text
