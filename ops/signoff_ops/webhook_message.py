"""Sign a webhook's message and post it, as the Standard Webhooks specification has it."""

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from signoff_db.webhooks import Target
from signoff_ops.bounded_http import Answer, post
from signoff_schemas.networks import is_allowed

_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 -- what every secret begins with
_ABOUT: Final = {"Content-Type": "application/json", "User-Agent": "signoff-webhooks"}


def secret_text(secret: bytes) -> str:
    """A secret as receivers are given it: `whsec_<base64>`."""
    return _SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(message_id: str, moment: int, body: bytes, keys: Iterable[bytes]) -> str:
    """`v1,<base64 of the HMAC-SHA256 of id.timestamp.body>`, one for each key, blanks between."""
    signed = f"{message_id}.{moment}.".encode() + body
    digests = (hmac.digest(key, signed, hashlib.sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def send(target: Target, message_id: UUID, body: str, *, allow_private: str) -> Answer:
    """Post a message once.

    Args:
        target: where to, and the keys that sign.
        message_id: the same each time that this message is sent.
        body: JSON.
        allow_private: networks that are allowed besides public addresses; see `networks.py`.

    Raises:
        PostError: there was no answer, or not in time.
    """
    name, moment, content = str(message_id), int(time.time()), body.encode()
    headers = _ABOUT | {
        "webhook-id": name,
        "webhook-timestamp": str(moment),
        "webhook-signature": signature(name, moment, content, target.keys),
    }
    return post(
        target.url, content, headers, allowed=lambda address: is_allowed(address, allow_private)
    )
