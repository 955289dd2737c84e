"""Run Lua scripts in Redis for workers, and classify their errors."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError


class WrongTypeError(ResponseError):
    """A key of the queue has the wrong type; the text says what to do."""


class Script:
    """One `.lua` file, with `checks.lua` before it; called by its hash, reloaded if lost."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._registered = redis.register_script(f"{_text('checks')}\n{_text(name)}")

    @property
    def sha(self) -> str:
        """The hash under which Redis caches it."""
        return self._registered.sha

    def __call__(self, keys: Sequence[str], arguments: Sequence[str | bytes | float]) -> Any:  # noqa: ANN401 -- as Redis answers
        """Run the script; returns its reply.

        Raises:
            WrongTypeError: a key has the wrong type; nothing was changed.
        """
        try:
            return self._registered(keys, arguments)
        except ResponseError as error:
            raise classified(error) from None


def classified(error: ResponseError) -> ResponseError:
    """The error; as a `WrongTypeError` if Redis reports a key of the wrong type."""
    if isinstance(error, WrongTypeError) or not str(error).startswith("WRONGTYPE "):
        return error
    return WrongTypeError(str(error).removeprefix("WRONGTYPE "))


@cache
def _text(name: str) -> str:
    return files("signoff_queue").joinpath(f"{name}.lua").read_text("utf-8")


def wrong_types(redis: Redis, expected: Mapping[str, str]) -> list[str]:
    """A sentence for each key that has the wrong type, as in checks.lua."""
    with redis.pipeline(transaction=False) as pipe:
        for key in expected:
            pipe.type(key)
        found = [kind.decode() for kind in pipe.execute()]
    return [
        f"{key} holds a {kind} and should hold a {wanted}: see what it is, then delete it with "
        f"redis-cli DEL {key}"
        for (key, wanted), kind in zip(expected.items(), found, strict=True)
        if kind not in {wanted, "none"}
    ]
