"""`/v1/insight`: views as JSON and CSV, and what is refused."""

import csv
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import web
from described import checked
from insight import answer
from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_insight.report import Asked
from signoff_insight.views.registry import VIEWS
from signoff_schemas.access import Scope

VIEW = "/v1/insight/{view}"
Facts = Connection[TupleRow]


@pytest.fixture
def reader(redis_url: str, cdnow_url: str) -> Iterator[httpx.Client]:
    """A client that may read the facts of the CDNOW sample."""
    read = web.acting_as("any", Scope.READ)
    with web.client(redis_url, cdnow_url, authenticate=read) as client:
        yield client


def refused(answered: httpx.Response, status: int) -> dict[str, Any]:
    """The problem, once it is one of the description."""
    assert answered.status_code == status
    problem: dict[str, Any] = checked(answered, VIEW)
    return problem


def test_all_views_are_listed(reader: httpx.Client) -> None:
    """Each with its definition and its filters."""
    items = checked(reader.get("/v1/insight"), "/v1/insight")["items"]
    assert [item["name"] for item in items] == list(VIEWS)
    for item in items:
        view = VIEWS[item["name"]]
        assert item["definition"] == view.definition
        assert sorted(item["filters"]) == sorted(view.filters)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_json_and_csv(reader: httpx.Client, cdnow_facts: Facts, name: str) -> None:
    """With the rows that the view has; CSV has the same values."""
    expected = answer(cdnow_facts, name)
    got = reader.get(f"/v1/insight/{name}")
    found = checked(got, VIEW) if not expected.figures else got.json()
    assert {n: len(rows) for n, rows in found["tables"].items()} == {
        table.name: len(table.rows) for table in expected.tables
    }
    for table in expected.tables:
        got = reader.get(f"/v1/insight/{name}", params={"format": "csv", "table": table.name})
        assert got.headers["content-type"] == "text/csv; charset=utf-8"
        assert got.headers["content-disposition"].endswith(f'"signoff-{name}-{table.name}.csv"')
        heading, *rows = csv.reader(got.text.splitlines())
        assert heading == [column.name for column in table.columns]
        for row, record in zip(rows, found["tables"][table.name], strict=True):
            assert [cell == "" for cell in row] == [v in {None, ""} for v in record.values()]


def test_csv_is_had_by_the_header_too(reader: httpx.Client) -> None:
    """The first table; the parameter wins over the header."""
    accepting = {"Accept": "text/csv"}
    assert reader.get("/v1/insight/funnel", headers=accepting).text.startswith("step,from_status")
    both = {"Accept": "application/json, text/csv"}
    for as_json in (
        reader.get("/v1/insight/funnel?format=json", headers=accepting),
        reader.get("/v1/insight/funnel", headers=both),
    ):
        assert as_json.headers["content-type"] == "application/json"
        assert as_json.headers["vary"] == "Accept"


def test_filters_are_heeded(reader: httpx.Client, cdnow_facts: Facts) -> None:
    """What was asked is in the answer; `table` gives one table alone."""
    asked = {"within": "7", "table": "steps", "tag": "CTA_SOFT"}
    found = checked(reader.get("/v1/insight/funnel", params=asked), VIEW)
    expected = answer(cdnow_facts, "funnel", Asked(within=7, tag="CTA_SOFT")).table("steps")
    assert (found["asked"]["within"], found["asked"]["tag"]) == (7, "CTA_SOFT")
    assert list(found["tables"]) == ["steps"]
    assert [row["entered"] for row in found["tables"]["steps"]] == [
        record["entered"] for record in expected.records
    ]


def test_wrong_filters_are_named_together(reader: httpx.Client) -> None:
    """By JSON Pointers into the query, with what is allowed."""
    problem = refused(reader.get("/v1/insight/funnel?since=x&within=0&at=2021-03-01"), 422)
    assert problem["type"] == "urn:signoff:problem:invalid-request"
    assert [error["pointer"] for error in problem["errors"]] == [
        "/query/since",
        "/query/within",
        "/query/at",
    ]
    assert "at is no filter of the view funnel, which takes since, until" in problem["detail"]


@pytest.mark.parametrize("query", ["colour=red", "since=2021-01-01&since=2021-01-02"])
def test_a_parameter_that_no_view_has_is_refused(reader: httpx.Client, query: str) -> None:
    """So is one that is repeated."""
    refused(reader.get(f"/v1/insight/funnel?{query}"), 422)


def test_unknown_views_and_tables_are_named(reader: httpx.Client) -> None:
    """With the list of those that there are."""
    assert refused(reader.get("/v1/insight/x"), 404)["type"].endswith(":unknown-view")
    problem = refused(reader.get("/v1/insight/funnel?table=x"), 404)
    assert problem["type"].endswith(":unknown-table")
    assert "it has steps, months" in problem["detail"]


def test_it_wants_the_scope_to_read(redis_url: str, cdnow_url: str) -> None:
    """As all that shows customers."""
    publisher = web.acting_as("any", Scope.PUBLISH)
    with web.client(redis_url, cdnow_url, authenticate=publisher) as client:
        refused(client.get("/v1/insight/funnel"), 403)
