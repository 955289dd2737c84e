"""The checks of the second database: is it there, and do its contexts hold what was applied?"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from signoff_insight.rapport.create import REMEDY, is_created
from signoff_ops.checks import Check, Grade
from signoff_ops.contexts import Reach, found_reach
from signoff_ops.rapport_connection import RapportUnavailableError, rapport_of
from signoff_ops.rights_check import check_postgres_rights
from signoff_queue.reader import age
from signoff_schemas import Settings, SettingsError
from signoff_schemas.wording import ago

_NAME: Final = "Second database"
_LATE: Final = timedelta(minutes=1)
"""Contexts that have not held all for longer are late: their reader looks every second."""
_START: Final = "start `signoff rapport run`, or see in its log what it waits for"


def check_rapport(settings: Settings) -> Iterator[Check]:
    """Check that the second database can be reached, has its tables, and is kept."""
    try:
        with rapport_of(settings, "signoff doctor") as connection:
            version = connection.info.server_version
            text = f"Postgres {version // 10_000}.{version % 10_000}"
            yield Check(Grade.OK, f"{_NAME} reachable", text)
            if is_created(connection):
                yield check_postgres_rights(
                    connection, settings.require("rapport_url"), "Rights in the second database"
                )
                yield contexts_check(found_reach(connection))
            else:
                yield Check(Grade.FAIL, f"{_NAME} tables", f"missing; run `{REMEDY}`")
    except RapportUnavailableError as error:
        yield Check(Grade.FAIL, f"{_NAME} reachable", f"{error} (SIGNOFF_RAPPORT_URL)")
    except SettingsError as error:
        yield Check(Grade.FAIL, f"{_NAME} tables", str(error))


def contexts_check(reach: Reach) -> Check:
    """Whether the contexts hold what was applied."""
    name = f"{_NAME} contexts"
    if reach.failure:
        since = age(reach.failing_since)
        fails = f"their reader fails{f' since {ago(since)}' if since else ''}"
        text = f"are not kept, {fails}: {reach.failure}"
        return Check(Grade.FAIL, name, text)
    if reach.rebuilt is not None:
        text = f"are computed anew, {reach.rebuilt:.0%} of the customers so far"
        return Check(Grade.WARN, name, text)
    behind = age(reach.read_until)
    if behind is None:
        return Check(Grade.WARN, name, f"were never computed; {_START}")
    if not reach.is_behind:
        return Check(Grade.OK, name, "hold all that was applied")
    text = f"hold what was applied until {ago(behind)} ago, and perhaps not what followed"
    if behind <= _LATE:
        return Check(Grade.OK, name, text)
    return Check(Grade.FAIL, name, f"{text}; {_START}")
