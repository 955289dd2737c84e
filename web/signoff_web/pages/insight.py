"""What the ledger means: an overview, a page for each view, and its tables as CSV."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import groupby
from operator import attrgetter
from typing import Final

from fastapi import APIRouter, Request, Response

from signoff_ops.insight import (
    BusyError,
    Report,
    TooSlowError,
    View,
    WrongFiltersError,
    only_table,
    report,
    view_named,
)
from signoff_ops.insight_data import csv_of
from signoff_schemas.access import Scope
from signoff_web.access import requires
from signoff_web.context import InContext
from signoff_web.figures.figure import Figure
from signoff_web.figures.of_views import figures_of
from signoff_web.pages.insight_fields import Fields, fields_of
from signoff_web.pages.insight_overview import overview_of
from signoff_web.pages.insight_tables import looked_at, reach_of, reach_said, tables_of
from signoff_web.pages.insight_values import tiles_of, values_of
from signoff_web.templating import page

router = APIRouter(prefix="/insight", dependencies=[requires(Scope.READ)])
_VIEW: Final = "insight/view.html"


@router.get("")
def overview(request: Request, context: InContext) -> Response:
    """The figures that a manager asks for first; each leads to its view."""
    found = overview_of(context.servers)
    return page(request, "insight/overview.html", found=found, reach=reach_said(found.reach))


@router.get("/{view}.csv")
def table(request: Request, context: InContext, view: str) -> Response:
    """A table of a view as CSV: with the same filters, exactly what its page shows."""
    given = dict(request.query_params)
    name = given.pop("table", None)
    found = only_table(report(context.servers, view, _wanted(given)), name).tables[0]
    return Response(
        csv_of(found),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{view}-{found.name}.csv"'},
    )


@router.get("/{view}")
def one(request: Request, context: InContext, view: str) -> Response:
    """A view: its charts, its tables, and its filters, which are the query."""
    named, given = view_named(view), _wanted(dict(request.query_params))
    try:
        found = report(context.servers, view, given)
    except WrongFiltersError as error:
        wrong = fields_of(named, given, error.problems)
        return _page(request, named, wrong, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except (TooSlowError, BusyError) as error:
        not_known, status = str(error), HTTPStatus.SERVICE_UNAVAILABLE
        return _page(request, named, fields_of(named, given), not_known=not_known, status=status)
    return _page(request, named, fields_of(named, given), found=found)


def _wanted(given: Mapping[str, str]) -> Mapping[str, str]:
    """The filters; a field that is left empty is none."""
    return {name: text for name, text in given.items() if text.strip()}


def _page(
    request: Request,
    view: View,
    fields: Fields,
    *,
    found: Report | None = None,
    not_known: str | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    return page(
        request,
        _VIEW,
        status=status,
        view=view,
        fields=fields,
        found=found,
        not_known=not_known,
        looked_at=looked_at(view.name),
        reach=reach_of(found) if found else None,
        groups=_groups(found) if found else (),
        tiles=tiles_of(found) if found else (),
        values=values_of(found) if found else (),
        tables=tables_of(found, fields) if found else (),
    )


def _groups(found: Report) -> Sequence[tuple[bool, Sequence[Figure]]]:
    """The figures in their order, small ones that follow each other together."""
    runs = groupby(figures_of(found), key=attrgetter("is_small"))
    return [(are_small, tuple(figures)) for are_small, figures in runs]
