"""`signoff rapport audit`."""

from dataclasses import asdict

import typer

from signoff_cli.terminal import AsJson, progress, say, show_json
from signoff_ops.rapport_audit import RapportAudit, audit_contexts, difference_text
from signoff_ops.services import load_settings
from signoff_schemas.wording import count


def audit(*, as_json: AsJson = False) -> None:
    """Compare all contexts with what the ledger gives now. Exit 1 if some are wrong.

    Those about whom the reader has not read all yet are behind, which is not wrong.
    """
    settings = load_settings()
    with progress() as bar:
        task = bar.add_task("Customers", total=None)
        found = audit_contexts(settings, lambda compared: bar.update(task, completed=compared))
    if as_json:
        show_json(asdict(found))
    else:
        _show(found)
    if found.wrong:
        raise typer.Exit(1)


def _show(found: RapportAudit) -> None:
    say(f"{count(found.customers, 'customer', 'customers')} compared.")
    if found.behind:
        text = count(found.behind, "context is", "contexts are")
        say(f"{text} behind: the reader has not read all about these customers yet.")
    if not found.wrong:
        say("No context is wrong.")
        return
    say(f"{count(found.wrong, 'context is', 'contexts are')} wrong:")
    for difference in found.examples:
        say(f"  {difference.user_id}: {difference_text(difference)}")
    if left := found.wrong - len(found.examples):
        say(f"  and {left:,} more")
    say("`signoff rapport rebuild --yes` computes all of them anew.")
