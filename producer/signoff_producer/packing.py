"""Calls of the publishing script as the bytes that are sent, in Redis's own protocol (RESP).

redis-py packs any command, and looks at each argument's type. Here all are bytes, and most words
are the same in each call: those are packed once.
"""

from collections.abc import Sequence

from redis.commands.core import Script


class KeyedScript:
    """A script together with its keys."""

    def __init__(self, script: Script, keys: list[str]) -> None:
        self.script = script
        self.keys = keys
        head = ["EVALSHA", script.sha, str(len(keys)), *keys]
        self._head = _packed([word.encode() for word in head])
        self._head_words = len(head)

    def call(self, arguments: Sequence[bytes]) -> bytes:
        """The command that runs it, by its hash, with these arguments."""
        words = self._head_words + len(arguments)
        return b"*%d\r\n%b%b" % (words, self._head, _packed(arguments))


def _packed(words: Sequence[bytes]) -> bytes:
    return b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])
