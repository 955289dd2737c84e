"""Write the commands that give users of Redis exactly their rights, for an administrator to run."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

_ANEW: Final = "resetkeys resetchannels -@all"
"""Takes all rights, and leaves passwords as they are: a user that has one keeps it."""


_SAME: Final = {"relay": "publisher", "web": "operator"}
"""Roles that do in Redis what another one does."""


@cache
def rules() -> Mapping[str, str]:
    """The rules of each role, from `users.acl`."""
    text = files("signoff_queue").joinpath("users.acl").read_text("utf-8")
    lines = [line.partition(" ") for line in text.splitlines() if not line.startswith("#")]
    found = {role: rest for role, _, rest in lines}
    return found | {role: found[other] for role, other in _SAME.items()}


def commands(roles: Sequence[str], queue: str, prefix: str) -> str:
    """A command for each role; running them again changes nothing.

    Args:
        roles: keys of `rules`.
        queue: the queue's name, which settings let hold nothing that a pattern would read.
        prefix: users are named `<prefix>-<role>`.
    """
    return "".join(
        f"ACL SETUSER {prefix}-{role} {_ANEW} {rules()[role].format(queue=queue)}\n"
        for role in roles
    )
