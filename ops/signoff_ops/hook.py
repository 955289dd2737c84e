"""Deliver an alert to the operator's command or webhook."""

import hashlib
import hmac
import time
from collections.abc import Callable
from itertools import islice
from typing import Final

from signoff_ops import alert_command, alert_post
from signoff_ops.hook_errors import HookError
from signoff_schemas import Settings, SettingsError
from signoff_schemas.backoff import backoff_delays

__all__ = ["SIGNATURE", "HookError", "deliver", "hook_of", "signature"]

_REPETITIONS: Final = 3
"""How often a failed delivery is retried."""
_FIRST_DELAY: Final = 1.0
"""The most seconds before the first retry; they double each time."""
SIGNATURE: Final = "X-Signoff-Signature"


def hook_of(settings: Settings) -> Callable[[bytes], None]:
    """The function that delivers a message, with a single try.

    Raises:
        SettingsError: neither a command nor a URL is set, or both, or the command cannot be run.
    """
    command, url, secret = settings.alert_command, settings.alert_url, settings.alert_secret
    if (command is None) == (url is None):
        raise SettingsError(
            "set either SIGNOFF_ALERT_COMMAND or SIGNOFF_ALERT_URL, so that alerts have where to "
            f"go; {'neither' if url is None else 'each'} of them is set"
        )
    if url is not None:
        return lambda message: alert_post.post(url, message, _headers(message, secret))
    arguments = alert_command.split_command(command or "")
    return lambda message: alert_command.run(arguments, message)


def deliver(
    hook: Callable[[bytes], None], message: bytes, *, stopped: Callable[[float], bool]
) -> None:
    """Deliver a message, with a few tries; `stopped` waits and returns whether to stop.

    Raises:
        HookError: all tries failed.
    """
    for delay in islice(backoff_delays(_FIRST_DELAY), _REPETITIONS):
        try:
            return hook(message)
        except HookError:
            if stopped(delay):
                raise
    return hook(message)


def signature(message: bytes, secret: str, moment: int) -> str:
    """`t=<epoch seconds>,v1=<hex>`: the HMAC-SHA256 of `<t>.<message>` under the secret.

    The time is signed too, so that a receiver can refuse an old message that is sent again.
    """
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + message, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"


def _headers(message: bytes, secret: str | None) -> dict[str, str]:
    signed = {} if secret is None else {SIGNATURE: signature(message, secret, int(time.time()))}
    return {"Content-Type": "application/json", "User-Agent": "signoff"} | signed
