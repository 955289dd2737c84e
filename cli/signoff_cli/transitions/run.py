"""`signoff transitions run`."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from signoff_cli.dlq.acting import Actor, actor_of
from signoff_cli.errors import UsageError
from signoff_cli.terminal import AsJson, progress, say, show_json
from signoff_cli.transitions.choosing import RuleName
from signoff_ops.services import load_settings
from signoff_ops.transition_data import run_data
from signoff_ops.transition_runs import end_of_day, run_rules
from signoff_ops.transition_text import run_lines
from signoff_schemas import Settings


def run(
    *,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="Judge customers as of the end of a day, or of an instant: only propose.",
        ),
    ] = None,
    rule: RuleName = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    """Run the rules once: propose the customers that they pick, decide where a rule may.

    A second run adds nothing. No run while the customer facts are behind, or no event arrived for
    long: all customers would look silent.
    """
    settings = load_settings()
    with progress() as bar:
        task = bar.add_task("Proposals", total=None)
        done = run_rules(
            settings,
            actor_of(actor),
            at=None if at is None else _instant(at, settings),
            rule=rule,
            on_progress=lambda seen: bar.update(task, completed=seen),
        )
    if as_json:
        show_json(run_data(done))
        return
    for line in run_lines(done):
        say(line)


def _instant(text: str, settings: Settings) -> datetime:
    try:
        return end_of_day(date.fromisoformat(text), settings)
    except (ValueError, OverflowError):
        pass
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"--at holds {text!r}; expected a day such as 2026-01-31, or an instant such as "
            "2026-01-31T10:00"
        ) from None
