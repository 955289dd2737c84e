"""`signoff transitions list | show | runs`."""

from typing import Annotated

import typer

from signoff_cli.options import After, Limit
from signoff_cli.terminal import AsJson, complain, say, say_more, show_fields, show_json, show_table
from signoff_cli.transitions.choosing import RuleName
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.transition_data import overview_data, proposal_data, run_data
from signoff_ops.transition_evidence import evidence_in_words
from signoff_ops.transition_text import counts_text, state_text, switch_text
from signoff_ops.transitions import (
    Overview,
    ProposalFilter,
    Shown,
    ShownProposal,
    UnknownProposalError,
    overview,
    proposal,
    proposal_ids,
    proposals_page,
)
from signoff_ops.transitions import (
    runs as runs_page,
)
from signoff_schemas import CustomerStatus


def list_(
    *,
    shown: Annotated[Shown, typer.Option("--show", help="Which.")] = Shown.WAITING,
    rule: RuleName = None,
    user: Annotated[str | None, typer.Option(help="Only of this customer, by user_id.")] = None,
    to: Annotated[CustomerStatus | None, typer.Option(help="Only those to this status.")] = None,
    run: Annotated[int | None, typer.Option(min=1, help="Only those of this run.")] = None,
    reactivated: Annotated[
        bool | None,
        typer.Option(help="Only those whose customers came back after it, or only the others."),
    ] = None,
    limit: Limit = 50,
    after: After = None,
    as_json: AsJson = False,
) -> None:
    """List proposals: those that wait the oldest first, others the latest first."""
    servers = DirectServers(load_settings())
    wanted = ProposalFilter(shown, rule, user, to and str(to), run, reactivated)
    page = proposals_page(servers, wanted, after, limit)
    found = overview(servers)
    if as_json:
        items = [proposal_data(one) for one in page.items]
        show_json({"proposals": items, "next": page.next, "overview": overview_data(found)})
        return
    _say_overview(found, rule)
    if not page.items:
        say("There is no such proposal.")
        return
    show_table(
        ["no", "customer", "from", "to", "LTV", "message"],
        [
            [str(one.number), one.user_id, one.from_status, one.to_status, one.ltv_usd,
             _sentence(one)] for one in page.items
        ],
    )  # fmt: skip
    say_more(page.next, "more proposals")


def show(
    number: Annotated[str, typer.Argument(metavar="NO", help="Its number or id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a proposal: what the rule found, what was decided, and what became of it.

    Exit 1 if there is none.
    """
    servers = DirectServers(load_settings())
    try:
        found = proposal(servers, *proposal_ids(servers, [number]))
    except UnknownProposalError as error:
        complain(str(error))
        raise typer.Exit(1) from None
    if as_json:
        show_json(proposal_data(found))
        return
    say(_sentence(found))
    show_fields(
        [
            ("number", str(found.number)),
            ("id", found.id),
            ("rule", f"{found.rule}, version {found.version}"),
            ("customer", found.user_id),
            ("proposed", f"{found.from_status} → {found.to_status}"),
            ("status now", found.customer_status),
            ("LTV now", found.ltv_usd),
            ("judged at", found.evaluated_at),
            ("proposed at", found.proposed_at),
            ("rests on event", found.rests_on),
            *evidence_in_words(found.evidence),
            ("decided by", found.decided_by and _by(found)),
            ("decided at", found.decided_at),
            ("comment", found.comment),
            ("decision", found.event_id),
            ("undo decision", found.undo_event_id),
            ("undone by", found.undone_by),
            ("undone at", found.undone_at),
            ("undone because", found.undo_reason),
        ]
    )


def runs(*, limit: Limit = 20, after: After = None, as_json: AsJson = False) -> None:
    """List the runs of the rules, the latest first."""
    page = runs_page(DirectServers(load_settings()), after, limit)
    if as_json:
        show_json({"runs": [run_data(one) for one in page.items], "next": page.next})
        return
    if not page.items:
        say("The rules have not been run yet; `signoff transitions run` runs them.")
        return
    show_table(
        ["run", "judged at", "started at", "ended at", "by", "proposed", "decided"],
        [
            [str(one.id), one.at, one.started_at, one.ended_at, one.started_by,
             *(sum(each.get(name, 0) for each in one.result.values())
               for name in ("proposed", "decided"))]
            for one in page.items
        ],
    )  # fmt: skip
    say_more(page.next, "more runs")


def _say_overview(found: Overview, rule: str | None) -> None:
    if not found.switch.is_on:
        say(switch_text(found.switch), style="bold")
    for each in found.rules:
        if rule in {None, each.rule}:
            say(counts_text(each))


def _sentence(proposal: ShownProposal) -> str:
    reason = proposal.reason.rstrip(".")
    return f"{reason} ({proposal.rule}): {state_text(proposal)}"


def _by(proposal: ShownProposal) -> str:
    return (
        f"{proposal.decided_by}, automatically"
        if proposal.is_automatic
        else str(proposal.decided_by)
    )
