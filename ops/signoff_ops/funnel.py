"""The funnel: customers and their LTV by status."""

from signoff_db import reading
from signoff_db.reading import FunnelStep
from signoff_ops.servers import Servers


def funnel(servers: Servers) -> tuple[FunnelStep, ...]:
    """All five statuses in the order of the funnel, those without customers too.

    Raises:
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return tuple(reading.funnel(connection))
