"""The steps of `signoff demo`: each shows its command, and then runs it."""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from signoff_cli.app import app
from signoff_cli.children import running, running_workers
from signoff_cli.errors import ProcessEndedError
from signoff_cli.terminal import progress, say
from signoff_ops.dead_letters import page_of_letters
from signoff_ops.demo_data import (
    example_until,
    insert_interaction,
    latest_event,
    put_foreign_jobs,
    unsettled_jobs,
)
from signoff_ops.demo_history import GREETER, history, months_before
from signoff_ops.demo_reviews import insert_reviews
from signoff_ops.servers import DirectServers
from signoff_ops.services import environment
from signoff_ops.transitions import ProposalFilter, proposals_page
from signoff_ops.values import Selection
from signoff_schemas import FailureKind, Settings, Verdict

EXAMPLE: Final = "examples/approvals.jsonl"
_WORKERS: Final = 2
_RESULTS: Final = (*Verdict, *FailureKind, "retry")
_POLL_SECONDS: Final = 0.05
_FULL: Final = "00000000-0000-4000-8000-00000000bbbb"
_DECISION: Final = "00000000-0000-4000-8000-00000000dddd"
_CUSTOMER: Final = "user-0007"
_MISSING: Final = "00000000-0000-4000-8000-00000000aaaa"


class Demo:
    """The steps, in the order in which they are shown."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.servers = DirectServers(settings)
        self.today = datetime.now(UTC).date()
        self.example = folder / Path(EXAMPLE).name
        lines = files("signoff_cli").joinpath(EXAMPLE).read_bytes()
        self.example.write_bytes(example_until(lines, self.today - timedelta(days=1)))
        self.history = folder / "history.jsonl"
        self.log = folder / "workers.log"

    def run(self) -> int:
        """Run them all; returns the exit code of the audit."""
        self.prepare()
        self.publish()
        self.work()
        self.publish_again()
        self.look()
        self.correct()
        self.decide()
        self.publish_history()
        self.chart()
        self.propose()
        self.know()
        show_step("The audit folds the ledger again, and accounts for every event.")
        return _run("audit")

    def prepare(self) -> None:
        """Create the tables, and rows as the reviewed system would."""
        show_step("Making the tables.")
        _run("migrate")
        _run("rapport", "create")
        insert_interaction(self.servers, _FULL, "user-8888", "999000.00")

    def publish(self) -> None:
        """Publish the example, and the broken jobs of another upstream."""
        show_step(
            "Publishing some 2,000 approvals: some come twice, some late, some are broken. What "
            "breaks the contract is refused at once, with its line and reason."
        )
        self._publish()

    def work(self) -> None:
        """Run workers until all events are applied."""
        show_step(
            "Two workers take them off the queue, up to 1,000 at a time, and apply each batch in "
            "one transaction.",
            f"signoff worker --processes {_WORKERS}",
        )
        self._drain("Applying")

    def publish_again(self) -> None:
        """Show that an event that arrives again has no effect."""
        show_step(
            "An upstream is not sure that all arrived, and publishes everything once more. At the "
            "same time another one, in another language, writes broken jobs right into Redis."
        )
        self._publish()
        put_foreign_jobs(self.servers, self._first_event())
        self._drain("Applying")
        say("Events that arrived again changed nothing: the ledger knows them.")

    def look(self) -> None:
        """Show the customers by status, and the events that could not be applied."""
        show_step("The customers by status:")
        _run("funnel")
        show_step("Events that could not be applied are dead letters, grouped by cause:")
        _run("dlq", "groups")

    def correct(self) -> None:
        """Settle dead letters as an operator does: edit one, replay some, discard one."""
        edited = self._letter("invalid_payload", "quality_score")
        show_step(
            "One upstream sends the score as text. An operator edits an event and applies it:"
        )
        reason = "the upstream sends the score as text"
        _run("dlq", "edit", str(edited), "--set", "quality_score=5", "--reason", reason, "--yes")
        show_step("The interaction that three events waited for arrives. They are replayed:")
        insert_interaction(self.servers, _MISSING, "user-7777", "0")
        _run("dlq", "replay", "--kind", "unknown_interaction", "--yes")
        show_step("A mail job on this queue is discarded, and the reason is recorded:")
        stray = str(self._letter("unknown_function", ""))
        _run("dlq", "discard", stray, "--reason", "not an event, sent again by its owner")
        show_step("The history of any event can be shown:")
        _run("event", "00000000-0000-0000-0000-000000000001")

    def decide(self) -> None:
        """Set a customer's status without a reply, as a manager and as a rule do."""
        show_step(
            "A manager sets a customer's status. A rule, which does not know that yet, sets it "
            "too: it says which event its decision rests on."
        )
        known = latest_event(self.servers, _CUSTOMER)
        to_prospect = ("customer", "set-status", _CUSTOMER, "PROSPECT")
        _run("customer", "set-status", _CUSTOMER, "CHURNED", "--reason", "asked us to stop")
        _run(*to_prospect, "--reason", "silent for 90 days", "--decided-by", "rule:silence@1",
             "--rests-on", known, "--event-id", _DECISION)  # fmt: skip
        self._drain("Applying")
        show_step("The manager's decision stands between, so the rule's has no effect:")
        _run("event", _DECISION)

    def publish_history(self) -> None:
        """Publish eighteen months of other customers, so that charts have something to show."""
        show_step(
            "Another upstream brings its history: some 5,000 approvals of 600 customers in 18 "
            "months, up to yesterday, with the reviews in which they were approved."
        )
        events = history(self.today)
        self.history.write_bytes(b"".join(event.canonical_json() + b"\n" for event in events))
        _run("publish", str(self.history), shown=f"publish {self.history.name}")
        self._drain("Applying")
        inserted = insert_reviews(self.servers, events)
        say(f"{inserted:,} reviews were inserted into the table reviews.")

    def chart(self) -> None:
        """Show what the ledger means: funnel, cohorts and forecast."""
        newcomers, lately = ("--reviewer", GREETER), str(months_before(self.today, 6))
        show_step("Charts read customer facts, which follow from the ledger:")
        _run("insight", "run", "--once")
        show_step(
            "How many of these prospects bought within 30 days, by month. "
            f"({GREETER.capitalize()} answers all who are new.)"
        )
        _run("insight", "funnel", *newcomers)
        show_step("Of those who bought in a month, how many bought again, month after month:")
        _run("insight", "cohorts", *newcomers, "--since", lately, "--table", "cells")
        if find_spec("numpy"):
            show_step("How often buyers will buy, and how right such a forecast was for the past:")
            _run("insight", "forecast", *newcomers, "--table", "bands")
        else:
            say("For the forecast: pip install 'signoff[insight]'")

    def propose(self) -> None:
        """Let rules propose other statuses, and approve what one of them proposes."""
        show_step(
            "Rules look for customers whose status should change. They propose, with a reason:"
        )
        _run("transitions", "run")
        for rule in ("churn-silence", "reactivate"):
            _run("transitions", "list", "--rule", rule, "--limit", "3")
        show_step("Would they have been right? What rules would have done half a year ago:")
        day = str(self.today - timedelta(weeks=27))
        _run("transitions", "backtest", "--rule", "exhaust-lead", "--at", day, "--by", "occurred")
        show_step("People decide. Each approval is a status decision, on the way of all events:")
        _run("transitions", "approve", "--rule", "exhaust-prospect", "--yes")
        self._relay()
        self._drain("Applying")

    def know(self) -> None:
        """Show what the next reply to a customer should know."""
        show_step("A second database knows each customer, for whoever writes the next reply:")
        _run("rapport", "run", "--once")
        _run("rapport", "show", self.somebody())

    def somebody(self) -> str:
        """Of the customers who write again, the one with the fewest replies."""
        page = proposals_page(self.servers, ProposalFilter(rule="reactivate"))
        return min(page.items, key=lambda found: int(found.evidence["approvals"])).user_id

    def _relay(self) -> None:
        """Run a relay until the outbox is empty."""
        say("$ signoff relay --burst", style="dim")
        command, variables = ("relay", "--burst"), environment(self.settings)
        with (
            self.log.open("wb") as log,
            running("the relay", command, variables, log=log.fileno()) as relay,
        ):
            if relay.process.wait():
                raise ProcessEndedError(f"the relay failed: {self.log.read_text('utf-8')}")

    def _publish(self) -> None:
        _run("publish", str(self.example), shown=f"publish {EXAMPLE}")

    def _first_event(self) -> dict[str, Any]:
        with self.example.open(encoding="utf-8") as lines:
            event: dict[str, Any] = json.loads(next(lines))
        return event

    def _drain(self, what: str) -> None:
        """Run workers until nothing waits, is in flight or scheduled."""
        with (
            self.log.open("wb") as log,
            running_workers(self.settings, _WORKERS, log=log.fileno()) as workers,
            progress() as bar,
        ):
            left = total = unsettled_jobs(self.servers)
            task = bar.add_task(what, total=total)
            while left and workers.process.poll() is None:
                time.sleep(_POLL_SECONDS)
                left = unsettled_jobs(self.servers)
                bar.update(task, completed=total - left)
        if left:
            raise ProcessEndedError(f"the workers ended early: {self.log.read_text('utf-8')}")
        say(f"{total:,} jobs were settled: {self._results()}.")

    def _results(self) -> str:
        """The results of the jobs: the sum of the counts that the workers logged for each batch."""
        counts: Counter[str] = Counter()
        for line in self.log.read_text("utf-8").splitlines():
            logged = json.loads(line) if line.startswith("{") else {}
            counts.update({name: logged[name] for name in _RESULTS if name in logged})
        return ", ".join(f"{number:,} {name}" for name, number in counts.items())

    def _letter(self, kind: str, word: str) -> int:
        """The first dead letter of a kind whose message holds the text."""
        letters = page_of_letters(self.servers, Selection(kinds=(FailureKind(kind),)))
        return next(letter.id for letter in reversed(letters.items) if word in letter.message)


def show_step(text: str, command: str | None = None) -> None:
    """Say what comes next and, where it is not run by this process, its command."""
    say()
    say(text, style="bold cyan")
    if command:
        say(f"$ {command}", style="dim")


def _run(*arguments: str, shown: str | None = None) -> int:
    """Show a command and run it; returns its exit code."""
    quoted = [f'"{word}"' if " " in word else word for word in arguments]
    say(f"$ signoff {shown or ' '.join(quoted)}", style="dim")
    return int(app(list(arguments), prog_name="signoff", standalone_mode=False) or 0)
