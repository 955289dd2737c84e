"""Transitions: how each rule fares, its definition and backtests, and the switch that stops all."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from signoff_ops import transitions
from signoff_ops.transition_rules import CheckedRule, KeptBacktest, backtests_of, check_rules
from signoff_ops.transition_text import LATER_LEFT_OUT, counted
from signoff_ops.transitions import (
    LONGEST_TEXT,
    MOST_COUNTED,
    Overview,
    RuleCounts,
    Run,
    WrongChoiceError,
)
from signoff_schemas import SettingsError
from signoff_schemas.access import Identity, Scope
from signoff_web.access import Acting, requires
from signoff_web.charts import words
from signoff_web.context import Context, InContext
from signoff_web.figures.calibration import band_name, calibration
from signoff_web.forms import Form, InForm
from signoff_web.pages.transition_runs import HEADS, RunLine, line_of
from signoff_web.problems import ProblemError
from signoff_web.templating import page

router = APIRouter(prefix="/transitions")
_RUNS: Final = 10
_BACKTESTS: Final = 20
_NONE: Final = "none"
_DONE: Final = {
    "stopped": "Transitions were stopped. It is noted in the history.",
    "resumed": "Transitions go on. It is noted in the history.",
    "stopped-already": "Nothing was changed or noted: transitions were stopped already.",
    "resumed-already": "Nothing was changed or noted: transitions were on already.",
}
"""What the page says after somebody turned the switch."""


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule of the file, or one that proposed something and is not in the file any more."""

    name: str
    rule: CheckedRule | None
    counts: RuleCounts | None
    """None if it never proposed anything."""
    backtests: Sequence[KeptBacktest]
    """The one that was made last first."""


@dataclass(frozen=True, slots=True)
class ShownRules:
    """The rules, or what is wrong in their file."""

    rules: Sequence[ShownRule]
    mistakes: Sequence[str]


@router.get("", dependencies=[requires(Scope.READ)])
def overview(request: Request, context: InContext, acting: Acting, done: str = "") -> Response:
    """How each rule fares, and whether they may act at all."""
    return _overview(request, context, acting, done=_DONE.get(done, ""))


@router.get("/rules/{name}", dependencies=[requires(Scope.READ)])
def rule(request: Request, context: InContext, name: str, backtest: str = "") -> Response:
    """A rule: what it does, how it fares, what its backtests and its runs found.

    `backtest` is the id of the one that is shown in full; else it is the one that was made last.
    """
    found = transitions.overview(context.servers)
    rules = _rules(context, found, backtests=_BACKTESTS)
    shown = next((one for one in rules.rules if one.name == name), None)
    if shown is None:
        detail = (
            f"No rule {name[:100]!r} is in the rules file, and none of this name proposed anything."
        )
        raise ProblemError(404, "unknown-rule", "No such rule", detail)
    tested = next((one for one in shown.backtests if str(one.id) == backtest), None)
    if tested is None and shown.backtests:
        tested = shown.backtests[0]
    runs = transitions.runs(context.servers, limit=_RUNS).items
    return page(
        request,
        "transitions/rule.html",
        shown=shown,
        mistakes=rules.mistakes,
        switch=found.switch,
        tested=tested,
        figure=calibration(tested.result) if tested else None,
        band_name=band_name,
        share=share,
        points=points,
        heads=HEADS,
        counted=counted,
        most_counted=MOST_COUNTED,
        runs=[(run, line_of(run.result[name])) for run in runs if name in run.result],
    )


@router.post("/stop", dependencies=[requires(Scope.OPERATE)])
def stop(request: Request, context: InContext, acting: Acting, form: InForm) -> Response:
    """Stop all transitions, for a reason."""
    return _switched(request, context, acting, form, is_on=False)


@router.post("/resume", dependencies=[requires(Scope.OPERATE)])
def resume(request: Request, context: InContext, acting: Acting, form: InForm) -> Response:
    """Let transitions go on."""
    return _switched(request, context, acting, form, is_on=True)


def _switched(
    request: Request, context: Context, acting: Identity, form: Form, *, is_on: bool
) -> Response:
    reason = form.one("reason").strip() or None
    try:
        turned = transitions.set_switch(context.servers, acting.actor, reason, is_on=is_on)
    except WrongChoiceError as error:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return _overview(request, context, acting, error=str(error), status=status)
    done = "resumed" if is_on else "stopped"
    already = "" if turned.changed else "-already"
    return RedirectResponse(f"/transitions?done={done}{already}", HTTPStatus.SEE_OTHER)


def _overview(
    request: Request,
    context: Context,
    acting: Identity,
    *,
    done: str = "",
    error: str | None = None,
    status: int = HTTPStatus.OK,
) -> Response:
    found = transitions.overview(context.servers)
    rules, last = _rules(context, found, backtests=1), found.last_run
    return page(
        request,
        "transitions/overview.html",
        status=status,
        found=found,
        heads=HEADS,
        share=share,
        counted=counted,
        most_counted=MOST_COUNTED,
        later_left_out=LATER_LEFT_OUT,
        last_run=_lines(last, [one.name for one in rules.rules]) if last else (),
        rules=rules.rules,
        mistakes=rules.mistakes,
        may_act=Scope.OPERATE in acting.scopes,
        longest=LONGEST_TEXT,
        done=done,
        error=error,
    )


def _rules(context: Context, found: Overview, *, backtests: int) -> ShownRules:
    """The rules of the file in its order, then those that are not in it any more."""
    mistakes: Sequence[str] = ()
    in_file: Sequence[CheckedRule] = ()
    try:
        checked = check_rules(context.settings, None)
        in_file, mistakes = checked.rules, [f"{checked.file}: {one}" for one in checked.mistakes]
    except SettingsError as error:
        mistakes = [str(error)]
    counts = {one.rule: one for one in found.rules}
    named = {one.name: one for one in in_file}
    names = list(dict.fromkeys([*named, *counts]))
    tested = backtests_of(context.servers, names, limit=backtests)
    return ShownRules(
        [ShownRule(name, named.get(name), counts.get(name), tested[name]) for name in names],
        mistakes,
    )


def _lines(run: Run, names: Sequence[str]) -> Sequence[tuple[str, RunLine]]:
    """What a run did, in the order of these rules; others last."""
    known = [name for name in names if name in run.result]
    others = [name for name in run.result if name not in known]
    return [(name, line_of(run.result[name])) for name in (*known, *others)]


def share(value: float | None) -> str:
    """A share of customers; `none` where it is not known."""
    return _NONE if value is None else words.percent(value)


def points(value: float | None) -> str:
    """A difference of shares, likewise."""
    return _NONE if value is None else words.points(value)
