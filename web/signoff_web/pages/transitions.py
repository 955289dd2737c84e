"""Transitions: what the rules propose, and what became of each proposal."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from signoff_ops import transitions
from signoff_ops.transition_rules import check_rules
from signoff_ops.transition_text import left_out_text
from signoff_ops.transitions import (
    EffectNow,
    ObstacleKind,
    ProposalState,
    Shown,
    UnknownProposalError,
)
from signoff_schemas.access import Scope
from signoff_web.access import Acting, requires
from signoff_web.context import Context, InContext
from signoff_web.pages.transition_filters import Filters
from signoff_web.pages.transition_words import evidence_of, standing_of
from signoff_web.problems import ProblemError
from signoff_web.templating import page

router = APIRouter(prefix="/transitions/proposals", dependencies=[requires(Scope.READ)])
Cursor = Annotated[str | None, Query(max_length=1000)]
_PAGE: Final = 50
_OPEN: Final = frozenset({Shown.WAITING, Shown.SNOOZED})
_TITLES: Final[Mapping[Shown, str]] = {
    Shown.WAITING: "Proposals that wait",
    Shown.SNOOZED: "Snoozed proposals",
    Shown.APPROVED: "Approved proposals",
    Shown.REJECTED: "Rejected proposals",
    Shown.OUTDATED: "Outdated proposals",
    Shown.UNDONE: "Undone proposals",
    Shown.ALL: "All proposals",
}
_DONE: Final = frozenset({"approved", "rejected", "snoozed", "waiting", "undone"})
_DIGITS: Final = 9


@router.get("")
def proposals(
    request: Request, context: InContext, acting: Acting, cursor: Cursor = None
) -> Response:
    """A page of the proposals that the filters choose."""
    filters = Filters.of(request.query_params.multi_items())
    status = HTTPStatus.UNPROCESSABLE_ENTITY if filters.errors else HTTPStatus.OK
    items, older = [], None
    if not filters.errors:
        found = transitions.proposals_page(context.servers, filters.wanted, cursor, _PAGE)
        items = [(one, standing_of(one)) for one in found.items]
        older = filters.url(cursor=found.next) if found.next else None
    may_act = bool(items) and Scope.OPERATE in acting.scopes
    may_undo = may_act and filters.shown is Shown.APPROVED
    return page(
        request,
        "transitions/list.html",
        status=status,
        title=_TITLES[filters.shown],
        filters=filters,
        items=items,
        on_page=" ".join(str(one.id) for one, _ in items),
        older=older,
        first=filters.url() if cursor else None,
        switch=transitions.switch_now(context.servers),
        rules=_rules(context, filters.wanted.rule),
        states=[(str(one), title) for one, title in _TITLES.items()],
        may_decide=may_act and filters.shown in _OPEN,
        may_undo=may_undo,
        # Where rows are ticked, the page stays as it is.
        renews=not may_undo and any(standing.is_on_its_way for _, standing in items),
        here=_address(request),
        done=_done_of(request),
    )


@router.get("/{name}")
def proposal(request: Request, context: InContext, acting: Acting, name: str) -> Response:
    """One proposal: why it was made, what was decided, what became of it.

    `name` is its number or its id.
    """
    try:
        (proposal_id,) = transitions.proposal_ids(context.servers, [name])
        found = transitions.proposal(context.servers, proposal_id)
    except UnknownProposalError as error:
        raise ProblemError(404, "unknown-proposal", "No such proposal", f"{error}.") from None
    has_no_effect = found.effect in {EffectNow.VOID, EffectNow.SUPERSEDED}
    return page(
        request,
        "transitions/proposal.html",
        one=found,
        standing=standing_of(found),
        evidence=list(evidence_of(found.evidence)),
        switch=transitions.switch_now(context.servers),
        is_open=found.state is ProposalState.OPEN,
        can_be_undone=found.state is ProposalState.APPROVED and not has_no_effect,
        may_act=Scope.OPERATE in acting.scopes,
        done=_done_of(request),
        here=_address(request),
    )


def _address(request: Request) -> str:
    """The address of this page."""
    return f"{request.url.path}?{request.url.query}"


def _rules(context: Context, named: str | None) -> list[str]:
    """The rules of the file, and the one that is asked for."""
    names = [rule.name for rule in check_rules(context.settings, None).rules]
    return names if named is None or named in names else [*names, named]


def _done_of(request: Request) -> Mapping[str, object] | None:
    """What the address says was just done: where an action leads."""
    given = request.query_params
    what, number = given.get("done", ""), _count(given.get("changed", ""))
    if what not in _DONE or number is None:
        return None
    return {"what": what, "changed": number, "left_out": list(_left_out(given))}


def _left_out(given: Mapping[str, str]) -> Iterator[str]:
    for kind in ObstacleKind:
        if number := _count(given.get(kind, "")):
            yield left_out_text(kind, number)


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
