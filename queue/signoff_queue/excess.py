"""What a user may do in Redis that no part of Signoff needs."""

from collections.abc import Callable
from typing import Any, Final

import redis

from signoff_schemas.keys import JOB_PREFIX

_NO_JOB: Final = f"{JOB_PREFIX}none"


def excess(client: redis.Redis) -> str | None:
    """What this user may do, to be read after "the user"; None if nothing was found.

    Users that may not look at their own rights are tried with two dangerous commands that change
    nothing; Redis notes it in its ACL LOG where they are refused.
    """
    name = _answer(client.acl_whoami)
    rights = name and _answer(lambda: client.acl_getuser(name))
    if rights:
        words = [*rights.get("categories", ()), *rights.get("commands", ())]
        may = "run all commands" if "+@all" in words else "look at and change the rights of users"
        return f"{name} may {may}"
    if _answer(client.lastsave) or _answer(lambda: client.sort(_NO_JOB)) is not None:
        return f"{name or 'of this URL'} may run dangerous commands"
    return None


def _answer(command: Callable[[], Any]) -> Any:  # noqa: ANN401 -- as Redis answers
    """The answer; None if the user may not, or the server does not know the command."""
    try:
        return command()
    except redis.ResponseError:
        return None
