"""Whether a service can work: its servers answer, and the database fits this release."""

from signoff_db.migrate import NEW_EPOCH, missing_on
from signoff_ops.servers import Servers
from signoff_ops.unavailable import Unavailable
from signoff_schemas.wording import count


def reasons_not_ready(servers: Servers) -> list[str]:
    """What is in the way, without addresses: anybody may read it. Empty if nothing is."""
    unavailable = Unavailable()
    unavailable.collect("redis", lambda: _ping(servers))
    missing = unavailable.collect("postgres", lambda: _missing(servers))
    found = [f"{server} does not answer" for server in unavailable.reasons]
    if missing == [NEW_EPOCH]:
        found.append("the database was restored; run `signoff migrate`")
    elif missing:
        found.append(
            f"the database lacks {count(len(missing), 'migration')}; run `signoff migrate`"
        )
    return found


def _ping(servers: Servers) -> None:
    with servers.redis() as client:
        client.ping()


def _missing(servers: Servers) -> list[str]:
    with servers.database() as connection:
        return missing_on(connection)
