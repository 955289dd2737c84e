"""`signoff transitions check | backtest`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from signoff_cli.dlq.acting import Actor, actor_of
from signoff_cli.errors import UsageError
from signoff_cli.terminal import AsJson, complain, say, show_fields, show_json, show_table
from signoff_ops.insight import FILTERS
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.transition_rules import (
    Backtest,
    Basis,
    CheckedRules,
    backtest_data,
    backtest_rules,
    check_rules,
)
from signoff_schemas.wording import count, printable

RulesFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        help="A file of rules; else that of SIGNOFF_TRANSITIONS_RULES, or the default rules.",
    ),
]


def check(file: RulesFile = None, *, as_json: AsJson = False) -> None:
    """Tell in words what each rule does, and what is wrong.

    Ends with 1 if anything is wrong.
    """
    found = check_rules(load_settings(), file)
    if as_json:
        show_json(_data(found))
    else:
        _show(found)
    if found.mistakes:
        raise typer.Exit(1)


def _data(found: CheckedRules) -> dict[str, object]:
    return {
        "file": found.file,
        "is_valid": not found.mistakes,
        "rules": [asdict(rule) for rule in found.rules],
        "mistakes": [asdict(mistake) for mistake in found.mistakes],
    }


def _show(found: CheckedRules) -> None:
    for mistake in found.mistakes:
        complain(f"{found.file}: {mistake}")
    for rule in found.rules:
        say(f"{rule.name}, version {rule.version}, mode {rule.mode}", style="bold")
        say(f"  {rule.text}")
    if found.settings is not None:
        held = found.settings
        say()
        say(f"P(return) is estimated by the scorer {held.scorer}.")
        say(f"Returned: bought within {count(held.returned_within_weeks, 'week')}.")
        say(
            f"High value: {held.high_value_usd:,.2f} USD or more. No run if the newest event is "
            f"older than {count(held.stale_after_hours, 'hour')}."
        )
        valid = count(held.backtest_valid_days, "day")
        say(f"A passed backtest allows automatic decisions for {valid}.")
        say(f"{found.file}: {count(len(found.rules), 'rule')}, nothing wrong")


def backtest(
    *,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="DAY",
            help="The rules look at the end of this day (YYYY-MM-DD), again and again for several; "
            "else of the last day with enough weeks after it.",
        ),
    ] = None,
    by: Annotated[
        Basis,
        typer.Option(
            help="What they know: events applied by then, or those that had occurred by then, "
            "for history that was imported late."
        ),
    ] = Basis.APPLIED,
    rule: Annotated[
        str | None, typer.Option("--rule", metavar="NAME", help="Only this rule.")
    ] = None,
    weeks: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=104,
            help="Who buys within so many weeks has returned; else as the file says, which alone "
            "counts for the automatic mode.",
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules", metavar="FILE", help="Rules of this file, such as ones to be tried out."
        ),
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Tell what the rules would have done in the past, and how wrong that would have been.

    They look at the customers at the end of a day, and know only what was known then. What came out
    is kept: a rule may decide automatically only after a backtest that passed.
    """
    found = backtest_rules(
        DirectServers(load_settings()),
        rules,
        [_day(text) for text in at or ()],
        basis=by,
        rule=rule,
        weeks=weeks,
        actor=actor_of(actor),
    )
    if as_json:
        show_json([backtest_data(one) for one in found])
    else:
        _show_backtests(found)


def _day(text: str) -> date:
    wanted = FILTERS["at"]
    try:
        day = wanted.read(text)
    except ValueError:
        day = None
    if not isinstance(day, date):
        raise UsageError(f"--at {wanted.rule}; found {printable(repr(text), limit=80)}")
    return day


def _show_backtests(found: Sequence[Backtest]) -> None:
    show_table(
        ["rule", "day", "customers", "picked", "wrong", "precision", "recall", "cost", "passed"],
        [
            [
                f"{one.rule}@{one.version}",
                one.at.isoformat(),
                one.customers,
                one.picked,
                one.wrong,
                _percent(one.precision),
                _percent(one.recall),
                one.cost_usd,
                one.passed,
            ]
            for one in found
        ],
        right=["precision", "recall"],
    )
    for one in found:
        say()
        _show_backtest(one)


def _show_backtest(found: Backtest) -> None:
    before = " or ".join(found.from_statuses)
    say(f"{found.rule}@{found.version} on {found.at}: {before} to {found.to_status}", style="bold")
    wrong_if = "bought" if found.wrong_if == "returned" else "did not buy"
    known = "had been applied" if found.basis is Basis.APPLIED else "had occurred"
    show_fields(
        [
            ("known", f"events that {known} by the end of {found.at}"),
            ("customers", f"{found.customers:,} were {before}"),
            ("picked", found.picked),
            ("wrong", f"{found.wrong:,}: {wrong_if} within {count(found.weeks, 'week')} after it"),
            ("precision", _of(found.precision, "of the picks were right")),
            ("recall", _of(found.recall, "of those for whom it was right were picked")),
            ("cost", _cost(found)),
        ]
    )
    if found.bands:
        _show_bands(found)
    for note in found.notes:
        say(f"- {note}")
    if found.passed:
        say("Passed.")
    for reason in found.why_not:
        say(f"Not passed: {reason}")


def _cost(found: Backtest) -> str:
    each = found.cost_per_pick_usd
    a_pick = "" if each is None else f", {each:,.2f} USD a pick"
    return f"{found.cost_usd:,.2f} USD were paid by customers whom it gave up{a_pick}"


def _show_bands(found: Backtest) -> None:
    show_table(
        [
            "days with a purchase",
            "customers",
            "expected to return",
            "returned",
            "difference",
            "off",
        ],
        [
            [
                band.name,
                band.customers,
                _percent(band.predicted),
                _percent(band.returned_share),
                _points(band.difference),
                band.is_off if band.is_judged else "too few",
            ]
            for band in found.bands
        ],
        title="Picks by days with a purchase; differences in percentage points",
        right=["expected to return", "returned", "difference"],
    )


def _points(difference: float | None) -> str | None:
    # Adding 0.0 makes 0.0 of -0.0.
    return None if difference is None else f"{round(100 * difference, 1) + 0.0:+.1f}"


def _of(share: float | None, what: str) -> str:
    return "not known: there are none" if share is None else f"{_percent(share)} {what}"


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"
