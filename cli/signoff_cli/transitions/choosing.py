"""The arguments that choose proposals, the same in every subcommand that decides."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from signoff_cli.dlq.choosing import moment
from signoff_cli.errors import UsageError
from signoff_ops.ages import age_of
from signoff_ops.servers import Servers
from signoff_ops.transitions import Choice, proposal_ids

Numbers = Annotated[
    list[str] | None, typer.Argument(metavar="NO", help="Numbers or ids of proposals.")
]
RuleName = Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Of this rule.")]
AllOfRule = Annotated[
    str | None,
    typer.Option("--rule", metavar="NAME", help="All that wait of this rule."),
]
Until = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN", help="With --rule: proposed up to then: 2h, 3d, 2026-01-31T10:00."
    ),
]


def choice_of(
    servers: Servers, numbers: list[str] | None, rule: str | None, until: str | None
) -> Choice:
    """The choice of the arguments.

    Raises:
        UsageError: neither numbers nor a rule, or both; or no time.
        UnknownProposalError: a number is that of no proposal.
    """
    if bool(numbers) is (rule is not None) or (until is not None and rule is None):
        raise UsageError(
            "choose proposals by their numbers, or all that wait of a rule with --rule (and "
            "--until); `signoff transitions list` shows them"
        )
    if rule is not None:
        return Choice.of_rule(rule, None if until is None else moment(until, "--until"))
    return Choice.of_ids(*proposal_ids(servers, numbers or []))


def ahead(text: str, option: str) -> datetime:
    """A time in the future: an age as the time from now, or an instant.

    Raises:
        UsageError: it is neither.
    """
    age = age_of(text)
    return (
        moment(text, option)
        if age is None
        else datetime.now(UTC) + timedelta(seconds=age.total_seconds())
    )
