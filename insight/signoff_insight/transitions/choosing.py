"""Which proposals an action is about, in batches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.sql import statement
from signoff_insight.transitions.decision_errors import WrongChoiceError
from signoff_insight.transitions.proposals import PACKAGE
from signoff_insight.transitions.switch import require_on, share
from signoff_schemas.wording import shortened

BATCH: Final = 250
"""Proposals of one transaction: their customers are locked meanwhile, and workers wait for them."""
MOST_IDS: Final = 10_000
_SHOWN: Final = 100
OnProgress = Callable[[int], object]
"""Told after each batch how many proposals were looked at."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Proposals by their ids, or all open ones of a rule that were proposed up to a time.

    Those that are snoozed now belong to the second kind only once that time has passed.
    """

    ids: tuple[UUID, ...] = ()
    rule: str | None = None
    until: datetime | None = None
    """None is now; a preview fills it in, so that what is approved is what was shown."""
    besides: tuple[UUID, ...] = ()
    """Of a rule's: without these, such as those that were held up in a preview."""

    @classmethod
    def of_ids(cls, *ids: UUID) -> Self:
        """These proposals."""
        return cls(ids=tuple(dict.fromkeys(ids)))

    @classmethod
    def of_rule(cls, rule: str, until: datetime | None = None) -> Self:
        """All open proposals of a rule, up to a time."""
        return cls(rule=rule, until=until)

    def check(self) -> None:
        """Check that it names one kind of choice.

        Raises:
            WrongChoiceError: it names none, or both, or too many ids.
        """
        if bool(self.ids) is (self.rule is not None):
            raise WrongChoiceError(
                "proposals are chosen by their ids, or as all open ones of a rule, not both; "
                "`signoff transitions list` shows them"
            )
        if len(self.ids) > MOST_IDS:
            raise WrongChoiceError(
                f"{len(self.ids):,} ids are too many at once; at most {MOST_IDS:,} are taken, or "
                "all open ones of a rule"
            )

    def check_ids(self) -> None:
        """Check that it names proposals by their ids.

        Raises:
            WrongChoiceError: it names a rule, or nothing, or too many ids.
        """
        self.check()
        if self.rule is not None:
            raise WrongChoiceError("approvals are undone by the ids of their proposals")


def settled(connection: Connection[TupleRow], choice: Choice) -> Choice:
    """The choice with its time: what is proposed later does not belong to it.

    Runs hold the switch while they write, and note the time meanwhile. So all that was proposed up
    to a time that is read under the switch can be seen.

    Raises:
        WrongChoiceError: it is not one choice, or its rule never proposed anything.
        SwitchedOffError: transitions are stopped.
    """
    choice.check()
    with connection.transaction():
        require_on(connection)
        _require_known(connection, choice.rule)
        return _until_now(connection, choice)


def dated(connection: Connection[TupleRow], choice: Choice) -> Choice:
    """The same for actions that are done while transitions are stopped, too.

    Raises:
        WrongChoiceError: it is not one choice.
    """
    choice.check()
    with connection.transaction():
        share(connection)
        return _until_now(connection, choice)


def _until_now(connection: Connection[TupleRow], choice: Choice) -> Choice:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    if row is None:
        raise AssertionError
    now = row[0].astimezone(UTC)
    return replace(choice, until=now if choice.until is None else min(now, choice.until))


def _require_known(connection: Connection[TupleRow], rule: str | None) -> None:
    if rule is None:
        return
    row = connection.execute(statement("transitions/is_rule_known", PACKAGE), {"rule": rule})
    if row.fetchone() is None:
        raise WrongChoiceError(
            f"no rule {shortened(rule, _SHOWN)!r} has proposed anything; "
            "`signoff transitions list` tells which have"
        )


def batches(connection: Connection[TupleRow], choice: Choice) -> Iterator[list[UUID]]:
    """The ids of a choice, some at a time; those of a rule in the order of their customers."""
    if choice.rule is None:
        for first in range(0, len(choice.ids), BATCH):
            yield list(choice.ids[first : first + BATCH])
        return
    after_user, after_id = "", UUID(int=0)
    besides = frozenset(choice.besides)
    while True:
        rows = connection.execute(
            statement("transitions/next_open", PACKAGE),
            {
                "rule": choice.rule,
                "until": choice.until,
                "after_user": after_user,
                "after_id": after_id,
                "limit": BATCH,
            },
        ).fetchall()
        if not rows:
            return
        after_id, after_user = rows[-1]
        if ids := [row[0] for row in rows if row[0] not in besides]:
            yield ids
