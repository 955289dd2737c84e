"""Run the rules: propose the customers that they pick, and decide where a rule may do so itself.

1. One run at a time. What is known must be up to date.
2. Proposals whose customers changed since become outdated.
3. The rules pick customers, in a transaction that only reads. Left out are those about whom a rule
   proposed something on the same evidence, those whom a person gave a status not long ago, those
   who are not silent, and those beyond the cap.
4. The picks are written, some in each transaction, which holds the kill switch.
5. Rules that may decide themselves approve their own proposals, as people do (`deciding.py`).

A run that is killed leaves what it has written; the next one adds what is missing, nothing twice.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow, namedtuple_row
from psycopg.types.json import Jsonb

from signoff_db.operator_actions import Action, note
from signoff_db.sql import statement
from signoff_db.transactions import in_one_transaction
from signoff_insight.transitions.candidates import Candidates, RuleResult
from signoff_insight.transitions.choosing import Choice
from signoff_insight.transitions.deciding import Decider, approve, outdate
from signoff_insight.transitions.decision_errors import RunRefusedError, SwitchedOffError
from signoff_insight.transitions.evidence import evidence_of
from signoff_insight.transitions.judging import lock_proposals
from signoff_insight.transitions.keeping import keep_versions, why_not_automatic
from signoff_insight.transitions.obstacles import Obstacle, obstacle_of
from signoff_insight.transitions.outbox import require_outbox
from signoff_insight.transitions.picking import Pick, picks, why_a_person
from signoff_insight.transitions.proposals import PACKAGE
from signoff_insight.transitions.record import LONGEST_TEXT
from signoff_insight.transitions.rules import Rule, RuleSet
from signoff_insight.transitions.switch import require_on, require_on_alone
from signoff_insight.transitions.watermark import require_fresh
from signoff_insight.transitions.wording import reason_of
from signoff_schemas.wording import json_text

_LOCK: Final = 0x53_6967_6E72_756E
"""The advisory lock of a run ("Signrun" in ASCII)."""
_BATCH: Final = 500
Gate = Callable[[Connection[TupleRow], RuleSet, Rule], Sequence[str]]
"""Why a rule may not decide itself, though its mode is automatic; empty if it may."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is asked for."""

    rules: RuleSet
    timezone: str
    actor: str
    at: datetime | None = None
    """An instant in the past: then all rules only propose. None is now."""


@dataclass(frozen=True, slots=True)
class RunConnections:
    """A run reads the picks on one connection while it writes on the other."""

    reading: Connection[TupleRow]
    writing: Connection[TupleRow]


def run(
    connections: RunConnections,
    wanted: Wanted,
    *,
    gate: Gate = why_not_automatic,
    on_progress: Callable[[int], object] = lambda _: None,
) -> int:
    """Run the rules once; returns the number of the run.

    Args:
        connections: both in autocommit mode.
        wanted: the rules, and for when.
        gate: says whether a rule may decide itself; a test may give another one.
        on_progress: told how many proposals are written and decided.

    Raises:
        RunRefusedError: the instant is in the future.
        RuleChangedError: a rule was changed, and its version was not raised.
        StaleDataError: what is known is not up to date.
        SwitchedOffError: transitions are stopped.
        OutboxMissingError: a rule is to decide itself, and the database has no outbox.
        DatabaseUnavailableError: what is committed stays; the next run goes on.
    """
    started_at = datetime.now(UTC)
    at = wanted.at or started_at
    if at > started_at:
        raise RunRefusedError(
            f"the rules cannot be run for {at:%Y-%m-%d %H:%M} UTC, which is in the future"
        )
    with _alone(connections.reading):
        _require_on(connections.writing)
        stale_after = timedelta(hours=wanted.rules.stale_after_hours)
        state = require_fresh(connections.reading, wanted.timezone, at, stale_after)
        in_one_transaction(
            connections.writing, partial(keep_versions, connections.writing, wanted.rules)
        )
        outdated = _outdate_all(connections.writing, wanted.actor)
        found = _picked(connections, wanted, at, gate)
        found.outdated.update(outdated)
        began = {
            "at": at,
            "started_at": started_at,
            "started_by": wanted.actor,
            "data_until": state.data_until,
        }
        return _write(connections.writing, wanted, found, began, on_progress)


def _require_on(connection: Connection[TupleRow]) -> None:
    """Check the kill switch before all the work; the transactions that write check it again."""
    with connection.transaction():
        require_on(connection)


@contextmanager
def _alone(connection: Connection[TupleRow]) -> Iterator[None]:
    """No other run does anything meanwhile. The lock is the session's: no transaction is open."""
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        yield
    finally:
        # Without a connection there is no lock.
        with suppress(psycopg.OperationalError):
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _picked(connections: RunConnections, wanted: Wanted, at: datetime, gate: Gate) -> Candidates:
    """The customers that the rules pick, sorted out."""
    results = {
        rule.name: RuleResult(rule, _why_not_automatic(connections.writing, rule, wanted, gate))
        for rule in wanted.rules.rules
    }
    if any(result.is_automatic for result in results.values()):
        require_outbox(connections.writing)
    candidates = Candidates(at, results)
    with connections.reading.transaction():
        connections.reading.execute("SET TRANSACTION READ ONLY")
        found = picks(connections.reading, wanted.rules, at, wanted.timezone)
        candidates.take(connections.writing, found)
    return candidates


def _why_not_automatic(
    connection: Connection[TupleRow], rule: Rule, wanted: Wanted, gate: Gate
) -> str | None:
    if rule.mode != "automatic":
        return None
    if rule.to_status == "CUSTOMER":
        return "nobody becomes CUSTOMER automatically"
    if wanted.at is not None:
        return "the run is for a time in the past"
    return "; ".join(gate(connection, wanted.rules, rule)) or None


def _outdate_all(connection: Connection[TupleRow], actor: str) -> Counter[str]:
    """Close the open proposals whose customers changed since; returns how many of which rule."""
    outdated: Counter[str] = Counter()
    after = 0
    while rows := _open_page(connection, after):
        after = rows[-1].number
        found = [
            (row, why)
            for row in rows
            if (why := obstacle_of(row.obstacle, row.obstacle_event, row.obstacle_at))
            and why.kind.outdates
        ]
        if found:
            in_one_transaction(connection, partial(_outdate, connection, found, actor))
            outdated.update(row.rule for row, _ in found)
    return outdated


def _open_page(connection: Connection[TupleRow], after: int) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        parameters = {"after": after, "limit": _BATCH}
        return cursor.execute(statement("transitions/open_page", PACKAGE), parameters).fetchall()


def _outdate(
    connection: Connection[TupleRow], found: Sequence[tuple[Any, Obstacle]], actor: str
) -> None:
    require_on(connection)
    lock_proposals(connection, [row.id for row, _ in found])
    outdate(connection, found, actor)


def _write(
    connection: Connection[TupleRow],
    wanted: Wanted,
    candidates: Candidates,
    began: dict[str, object],
    on_progress: Callable[[int], object],
) -> int:
    """Write what was found, and decide; returns the number of the run."""
    run_id = in_one_transaction(connection, partial(_begin, connection, began))
    message = None
    try:
        proposed = _propose_all(connection, candidates, run_id, on_progress)
        for result in candidates.results.values():
            _decide(connection, wanted, candidates, result, proposed, on_progress)
    except SwitchedOffError as error:
        message = str(error)
    in_one_transaction(
        connection, partial(_end, connection, run_id, wanted.actor, candidates, message)
    )
    return run_id


def _begin(connection: Connection[TupleRow], began: dict[str, object]) -> int:
    require_on_alone(connection)
    row = connection.execute(statement("transitions/begin_run", PACKAGE), began).fetchone()
    if row is None:
        raise AssertionError
    return int(row[0])


def _end(
    connection: Connection[TupleRow],
    run_id: int,
    actor: str,
    candidates: Candidates,
    message: str | None,
) -> None:
    result = {
        name: {**each.data, "outdated": candidates.outdated[name]}
        for name, each in candidates.results.items()
    }
    connection.execute(
        statement("transitions/end_run", PACKAGE),
        {"run": run_id, "result": Jsonb(result), "message": message},
    )
    after = {
        "run": run_id,
        "proposed": sum(each.proposed for each in candidates.results.values()),
        "decided": sum(each.decided for each in candidates.results.values()),
    }
    note(connection, actor, Action.RUN_TRANSITIONS, [], message, before=None, after=after)


def _propose_all(
    connection: Connection[TupleRow],
    candidates: Candidates,
    run_id: int,
    on_progress: Callable[[int], object],
) -> dict[tuple[str, str], UUID]:
    """Write the proposals; returns those that are new, by rule and customer."""
    proposed: dict[tuple[str, str], UUID] = {}
    for first in range(0, len(candidates.new), _BATCH):
        some = candidates.new[first : first + _BATCH]
        added = in_one_transaction(
            connection, partial(_propose, connection, some, candidates.at, run_id)
        )
        for proposal_id, rule, user_id in added:
            proposed[rule, user_id] = proposal_id
            candidates.results[rule].proposed += 1
        on_progress(len(proposed))
    return proposed


def _propose(
    connection: Connection[TupleRow], some: Sequence[Pick], at: datetime, run_id: int
) -> list[TupleRow]:
    require_on_alone(connection)
    picked = [_picked_row(pick, at) for pick in some]
    parameters = {"picked": json_text(picked), "at": at, "run": run_id}
    return connection.execute(statement("transitions/propose", PACKAGE), parameters).fetchall()


def _picked_row(pick: Pick, at: datetime) -> dict[str, Any]:
    """A pick as the statement takes it."""
    return {
        "rule": pick.rule.name,
        "version": pick.rule.version,
        "user_id": pick.standing.user_id,
        "from_status": pick.standing.customer_status,
        "to_status": pick.rule.to_status,
        "evidence_event": pick.standing.evidence_event,
        "rests_on": pick.standing.rests_on,
        "evidence": evidence_of(pick, at),
        "reason": reason_of(pick, at)[:LONGEST_TEXT],
    }


def _decide(  # noqa: PLR0917 -- a step of a run
    connection: Connection[TupleRow],
    wanted: Wanted,
    candidates: Candidates,
    result: RuleResult,
    proposed: dict[tuple[str, str], UUID],
    on_progress: Callable[[int], object],
) -> None:
    """Let a rule decide about its proposals, as far as it may."""
    if not result.is_automatic:
        return
    name = result.rule.name
    own = [
        (pick, proposed[name, pick.standing.user_id])
        for pick in candidates.new
        if pick.rule.name == name and (name, pick.standing.user_id) in proposed
    ] + [(pick, waiting) for pick, waiting in candidates.waiting if pick.rule.name == name]
    chosen = [each for pick, each in own if why_a_person(wanted.rules, pick.standing) is None]
    result.for_a_person = len(own) - len(chosen)
    ids = chosen[: result.rule.cap]
    decider = Decider(result.rule.decided_by, is_automatic=True)
    for first in range(0, len(ids), _BATCH):
        effect = approve(connection, Choice.of_ids(*ids[first : first + _BATCH]), decider)
        result.decided += effect.changed
        result.left_out.update(effect.obstacles)
        if effect.stopped_because:
            raise SwitchedOffError(effect.stopped_because)
        on_progress(len(proposed) + result.decided)
