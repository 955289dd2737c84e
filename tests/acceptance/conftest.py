"""The command line, for the tests of what people see of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Signoff
from desk import sql
from granted import Granted, granted_roles
from processes import environment

from signoff_db.rights.roles import RoleDatabase
from signoff_producer import outbox


@pytest.fixture
def signoff(tmp_path: Path, redis_url: str, database_url: str) -> Signoff:
    """The command line on an empty queue and an empty, migrated database; it retries nothing."""
    servers = environment(redis_url, database_url, retry_attempts=0, actor="ann")
    return Signoff(tmp_path, servers | {"TZ": "UTC"})


@pytest.fixture
def granted(database_url: str) -> Iterator[Granted]:
    """A migrated database with an outbox, and a login for each role."""
    sql(database_url, outbox.SCHEMA)
    with granted_roles(database_url, RoleDatabase.SIGNOFF, RoleDatabase.OUTBOX) as granted:
        yield granted
