"""The command line, for the tests of what people see of it."""

from pathlib import Path

import pytest
from command_line import Signoff
from processes import environment


@pytest.fixture
def signoff(tmp_path: Path, redis_url: str, database_url: str) -> Signoff:
    """The command line on an empty queue and an empty, migrated database; it retries nothing."""
    servers = environment(redis_url, database_url, retry_attempts=0, actor="ann")
    return Signoff(tmp_path, servers | {"TZ": "UTC"})
