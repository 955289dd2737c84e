"""The context of a customer, for whoever writes the next reply; and how far contexts reach."""

from typing import Any, Final

from psycopg import Connection
from psycopg.rows import TupleRow

from signoff_db.json_numbers import read_json
from signoff_insight.rapport.reach import Reach, reach_of
from signoff_ops.rapport import context_of
from signoff_ops.servers import Servers
from signoff_schemas import SignoffError
from signoff_schemas.wording import in_utc, one_line_json, printable

__all__ = [
    "ContextsNotComputedError",
    "Reach",
    "UnknownCustomerError",
    "contexts_reach",
    "customer_context",
    "found_reach",
    "shown_context",
]

_ORDER: Final = (
    "user_id",
    "customer_status",
    "status_since",
    "status_decided_by",
    "ltv_usd",
    "customer",
    "counts",
    "first_contact_at",
    "last_contact_at",
    "open_proposals",
    "scores",
    "tags",
    "ctas",
    "exchanges",
    "as_of",
)
_NEVER_RAN: Final = Reach(None, True, None, None, None)


class UnknownCustomerError(SignoffError):
    """The contexts know no such customer."""


class ContextsNotComputedError(SignoffError):
    """The contexts of all customers are computed for the first time, and are not complete."""


def customer_context(servers: Servers, user_id: str) -> str:
    """The context of a customer as JSON; see `signoff_ops.rapport.context_of`.

    Characters that are not printable are escaped.

    Raises:
        UnknownCustomerError: there is no such customer, or nothing of it has been read yet.
        ContextsNotComputedError: that is not known yet, or the context is not Signoff's.
        RapportNotSetError, RapportUnavailableError, SettingsError: as `Servers.rapport`.
    """
    with servers.rapport() as connection:
        context = context_of(connection, user_id)
        if context is not None:
            return one_line_json(_checked(context))
        reach = found_reach(connection)
    if reach.read_until is None:
        raise ContextsNotComputedError(
            "the contexts of customers are computed for the first time, by `signoff rapport run`; "
            "that of this customer is not there yet"
        )
    raise UnknownCustomerError(
        f"No event, interaction or review names the customer {printable(user_id)!r}, of what was "
        f"there until {in_utc(reach.read_until)}."
    )


def _checked(context: str) -> str:
    """The text of a context; others may have written to the second database."""
    if not context.startswith("{"):
        raise ContextsNotComputedError(
            "the context of this customer in the second database is no JSON object, so something "
            "else wrote it; `signoff rapport rebuild` computes all contexts anew"
        )
    return context


def shown_context(servers: Servers, user_id: str) -> Any:  # noqa: ANN401 -- any JSON
    """The same as a value; raises as `customer_context`."""
    return _in_order(read_json(customer_context(servers, user_id)))


def _in_order(context: dict[str, Any]) -> dict[str, Any]:
    """The same with its members as people read them: Postgres keeps them by their length."""
    return {name: context[name] for name in _ORDER if name in context} | context


def contexts_reach(servers: Servers) -> Reach:
    """How far the contexts reach.

    Raises:
        RapportNotSetError, RapportUnavailableError, SettingsError: as `Servers.rapport`.
    """
    with servers.rapport() as connection:
        return found_reach(connection)


def found_reach(rapport: Connection[TupleRow]) -> Reach:
    """The same, on a connection to the second database."""
    return reach_of(rapport) or _NEVER_RAN
