"""Whether the queue can be reached now, for pages that say where an approval waits."""

from signoff_ops.errors import RedisUnavailableError
from signoff_ops.servers import Servers


def queue_outage(servers: Servers) -> str | None:
    """Why Redis cannot be used now; None if it answers."""
    try:
        with servers.redis() as client:
            client.ping()
    except RedisUnavailableError as error:
        return str(error)
    return None
