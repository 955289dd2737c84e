"""`signoff doctor`: check what Signoff relies on, and name the setting to change."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Final

import typer

from signoff_cli.terminal import AsJson, out, say, show_json
from signoff_db.connection import DatabaseUnavailableError, connect
from signoff_db.read_connection import explained
from signoff_ops.checks import (
    Check,
    Grade,
    check_database,
    check_queue,
    check_redis,
    check_variables,
)
from signoff_ops.outbox_check import check_outbox
from signoff_ops.services import load_settings
from signoff_queue.connection import RedisUnavailableError, redis_of
from signoff_schemas import Settings

_STYLES: Final = {Grade.OK: "green", Grade.WARN: "yellow", Grade.FAIL: "bold red"}


def doctor(*, as_json: AsJson = False) -> None:
    """Check servers and settings, and say what to change. Exit 1 if a check fails."""
    checks = list(_checks(load_settings()))
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        _show(checks)
    if any(check.grade is Grade.FAIL for check in checks):
        raise typer.Exit(1)


def _checks(settings: Settings) -> Iterator[Check]:
    settings.require("redis_url")
    settings.require("database_url")
    yield from check_variables()
    yield from _redis_checks(settings)
    yield from _database_checks(settings)
    if settings.outbox_url:
        yield from check_outbox(settings)


def _redis_checks(settings: Settings) -> Iterator[Check]:
    try:
        with redis_of(settings) as client:
            yield from check_redis(client)
            yield from check_queue(client, settings)
    except RedisUnavailableError as error:
        yield Check(Grade.FAIL, "Redis reachable", f"{error} (SIGNOFF_REDIS_URL)")


def _database_checks(settings: Settings) -> Iterator[Check]:
    url = settings.require("database_url")
    try:
        with connect(url, application="signoff doctor") as connection, explained(url):
            yield from check_database(connection, url, settings)
    except DatabaseUnavailableError as error:
        yield Check(Grade.FAIL, "Postgres reachable", f"{error} (SIGNOFF_DATABASE_URL)")


def _show(checks: Sequence[Check]) -> None:
    for check in checks:
        out.print(f"{check.grade:<5}", style=_STYLES[check.grade], end="")
        say(f" {check.name}: {check.text}")
