"""A console for tests and pictures, after a small incident on which nobody has acted yet."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final

import web
from chromium import Desk
from fastapi import Request
from incident_model import Incident
from incident_traffic import incident
from incident_upstreams import Upstreams
from processes import environment

from signoff_ops.outbox import create_outbox
from signoff_ops.relay import run_relay
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.access import Identity, Role, scopes_of
from signoff_web.app import create_app

_ROLES: Final = {"ann": Role.OPERATOR, "vera": Role.VIEWER}
"""Who may visit."""


async def by_cookie(request: Request) -> Identity | None:
    """Whoever the cookie `who` names."""
    name = request.cookies.get("who", "")
    role = _ROLES.get(name)
    return None if role is None else Identity("user", name, scopes_of([role]))


@contextmanager
def console_of(
    redis_url: str, database_url: str, *, seed: int = 1, events: int = 300
) -> Iterator[tuple[Desk, Incident]]:
    """Let an incident happen on empty servers, and serve its console until the block ends."""
    create_outbox(database_url)
    settings = Settings.load(
        redis_url=redis_url, database_url=database_url, outbox_url=database_url
    )
    servers = DirectServers(settings)
    made = incident(seed, events, datetime.now(UTC))
    Upstreams(servers, made).begin()
    run_relay(settings, threading.Event(), burst=True)
    subprocess.run(
        [sys.executable, "-m", "signoff_cli", "worker", "--burst"],
        env=environment(redis_url, database_url, retry_attempts=0, log_level="ERROR"),
        check=True,
    )
    with web.serving(create_app(settings, authenticate=by_cookie)) as url:
        yield Desk(url, servers, database_url), made
