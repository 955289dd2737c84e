"""Compare the contexts of the second database with the ledger: `signoff rapport audit`."""

from collections.abc import Callable

from signoff_db.connection import connect
from signoff_db.migrate import require_current
from signoff_insight.rapport.audit import Difference, RapportAudit, audit
from signoff_insight.rapport.computing import BY_INDEX
from signoff_insight.rapport.create import require_created
from signoff_ops.rapport import both_explained
from signoff_schemas import Settings

__all__ = ["Difference", "RapportAudit", "audit_contexts", "difference_text"]


def audit_contexts(
    settings: Settings, on_progress: Callable[[int], None] = lambda _: None
) -> RapportAudit:
    """Compare the contexts of all customers with what the ledger gives now.

    Args:
        settings: with both databases.
        on_progress: told how many customers were compared.

    Raises:
        SettingsError: one of the two databases is not set.
        MigrationError, NotCreatedError: one of them lacks tables.
        FeedRestoredError: the ledger is not the one that the contexts were computed from.
        DatabaseUnavailableError: a server is unavailable.
    """
    ledger_url, application = settings.require("database_url"), "signoff rapport audit"
    require_current(ledger_url)
    with (
        connect(settings.rapport, application=application) as rapport,
        connect(ledger_url, application=application) as ledger,
        both_explained(settings),
    ):
        require_created(rapport)
        ledger.execute(BY_INDEX)
        return audit(ledger, rapport, on_progress)


def difference_text(difference: Difference) -> str:
    """What is wrong with a context, as people read it."""
    if difference.is_missing:
        return "there is no context"
    if difference.is_unknown:
        return "the ledger does not know this customer"
    return f"differs in {', '.join(difference.fields)}"
