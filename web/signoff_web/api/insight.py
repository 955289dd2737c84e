"""`/v1/insight`: what the ledger means, as JSON or CSV."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ConfigDict, WithJsonSchema

from signoff_ops.insight import FILTERS, Table, Unit, only_table, report, views
from signoff_ops.insight_data import csv_of, report_data, views_data
from signoff_ops.insight_filters import MOST_DAYS
from signoff_schemas import EDIT_TAGS
from signoff_schemas.access import Scope
from signoff_web.access import requires
from signoff_web.api.answers import JSONAnswer, refusals
from signoff_web.api.models import Model
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.context import InContext

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Insight"])

_CSV: Final = "text/csv"


class ViewListed(Model):
    """One view."""

    name: str
    """As it stands in the path."""
    title: str
    definition: str
    """What its numbers are, in one sentence."""
    filters: list[str]
    """The parameters that it takes."""


class ViewsListed(Model):
    """All views."""

    items: list[ViewListed]


class DataReach(Model):
    """How far the data reaches."""

    timezone: str
    """Days and months are those of this time zone."""
    data_until: datetime | None
    """When the latest event occurred; null without any."""
    provisional_since: date | None
    """From this day on, events that arrive late may still change the numbers."""
    rebuilt: float | None
    """While the facts are computed anew: the share of the customers that has been; else null."""


class ColumnDescribed(Model):
    """A column of a table."""

    name: str
    title: str
    """For people."""
    unit: Unit


class InsightReport(Model):
    """The answer of a view. It may have figures of its own besides, at its top level."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="allow")

    name: str
    title: str
    definition: str
    """What the numbers are, in one sentence."""
    asked: dict[str, str | int | None]
    """The view's filters, and what they held; null where one was not used."""
    reach: DataReach
    notes: list[str]
    """What a reader must know to understand the numbers."""
    columns: dict[str, list[ColumnDescribed]]
    """By the name of the table."""
    tables: dict[str, list[dict[str, str | float | bool | None]]]
    """Rows by the name of the table. Amounts are strings with two places, months `2021-03`, shares
    from 0 to 1; null is what is not known, or not observed yet."""


def _about(name: str) -> Any:  # noqa: ANN401 -- what FastAPI's `Query` returns
    return Query(description=FILTERS[name].about)


# The texts are read by the use case, which tells of all that is wrong with them at once.
_DAY: Final = WithJsonSchema({"type": "string", "format": "date"})
_MONTH: Final = WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"})
_DAYS: Final = WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_DAYS})
_TAG: Final = WithJsonSchema({"type": "string", "enum": list(EDIT_TAGS)})


def _wanted(
    *,
    since: Annotated[str | None, _DAY, _about("since")] = None,
    until: Annotated[str | None, _DAY, _about("until")] = None,
    within: Annotated[str | None, _DAYS, _about("within")] = None,
    cohort: Annotated[str | None, _MONTH, _about("cohort")] = None,
    reviewer: Annotated[str | None, _about("reviewer")] = None,
    tag: Annotated[str | None, _TAG, _about("tag")] = None,
    at: Annotated[str | None, _DAY, _about("at")] = None,
) -> Mapping[str, str | None]:
    """The filters that are given; a view refuses those that it does not take."""
    return {
        "since": since,
        "until": until,
        "within": within,
        "cohort": cohort,
        "reviewer": reviewer,
        "tag": tag,
        "at": at,
    }


Wanted: TypeAlias = Annotated[Mapping[str, str | None], Depends(_wanted)]


@router.get(
    "/v1/insight",
    dependencies=[requires(Scope.READ)],
    response_model=ViewsListed,
    summary="The views",
)
def insight_views() -> JSONAnswer:
    """What can be asked of the ledger: each view with its definition and its filters."""
    return JSONAnswer({"items": views_data(views())})


@router.get(
    "/v1/insight/{view}",
    dependencies=[requires(Scope.READ)],
    response_model=InsightReport,
    responses={
        200: {"content": {_CSV: {"schema": {"type": "string"}}}, "description": "The report."},
        **refusals(_404="There is no such view, or it has no such table."),
    },
    summary="A view",
)
def insight_view(
    view: str,
    request: Request,
    context: InContext,
    wanted: Wanted,
    *,
    table: Annotated[str | None, Query(description="Only this table.")] = None,
    format: Annotated[  # noqa: A002 -- the parameter's name
        Literal["json", "csv"] | None,
        Query(description="As `Accept: text/csv` where it is `csv`; it wins over the header."),
    ] = None,
) -> Response:
    """What a view tells of the customers, as JSON; or one of its tables as CSV, the first one."""
    found = only_table(report(context.servers, view, wanted), table)
    as_csv = format == "csv" or (format is None and _wants_csv(request))
    answer = _csv(found.name, found.tables[0]) if as_csv else JSONAnswer(report_data(found))
    answer.headers["Vary"] = "Accept"
    return answer


def _wants_csv(request: Request) -> bool:
    """Whether the sender asks for CSV, and not for JSON as well."""
    accepted = request.headers.get("accept", "")
    return _CSV in accepted and "application/json" not in accepted


def _csv(view: str, table: Table) -> Response:
    """A table as a file; its name is made of names of ours alone."""
    name = f"signoff-{view}-{table.name}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(csv_of(table), media_type=_CSV, headers=headers)
