"""`signoff dlq groups`."""

from collections.abc import Sequence
from dataclasses import asdict

from signoff_cli.dlq.choosing import Kinds, Since, Until, chosen
from signoff_cli.terminal import AsJson, say, show_json, show_table
from signoff_ops import causes
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import Group


def groups(
    *, kind: Kinds = None, since: Since = None, until: Until = None, as_json: AsJson = False
) -> None:
    """Show dead letters by cause, the hundred biggest groups, the biggest first."""
    selection = chosen(kinds=kind, since=since, until=until)
    found = causes.groups(DirectServers(load_settings()), selection)
    if as_json:
        show_json([asdict(group) for group in found.groups])
    else:
        show_groups(found.groups)
        if found.more:
            say(f"There are more causes; these are the {len(found.groups)} biggest.")


def show_groups(found: Sequence[Group]) -> None:
    """Show the groups as a table."""
    if not found:
        say("No dead letter matches.")
        return
    show_table(
        ["letters", "kind", "event type", "fingerprint", "last failed", "example id", "message"],
        [
            [g.count, g.kind, g.event_type, g.fingerprint, g.last_failed_at, g.sample_id, g.message]
            for g in found
        ],
    )
