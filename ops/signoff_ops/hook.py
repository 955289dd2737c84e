"""Hand an alert to the operator's own command or webhook."""

import hashlib
import hmac
import random
import shlex
import subprocess
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from signoff_schemas import Settings, SettingsError, SignoffError

_COMMAND_SECONDS: Final = 30
_REQUEST_SECONDS: Final = 10
_PAUSES: Final = (1.0, 2.0, 4.0)
"""Seconds between the tries to deliver an alert."""
SIGNATURE: Final = "X-Signoff-Signature"


class HookError(SignoffError):
    """The command or webhook did not take the alert."""


def hook_of(settings: Settings) -> Callable[[bytes], None]:
    """What hands a message over, trying once.

    Raises:
        SettingsError: neither a command nor a URL is set, or both, or the command is no command.
    """
    command, url, secret = settings.alert_command, settings.alert_url, settings.alert_secret
    if (command is None) == (url is None):
        raise SettingsError(
            "set either SIGNOFF_ALERT_COMMAND or SIGNOFF_ALERT_URL, so that alerts have where to "
            f"go; {'neither' if url is None else 'each'} of them is set"
        )
    if url is not None:
        return lambda message: _post(url, message, secret)
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        raise SettingsError(f"SIGNOFF_ALERT_COMMAND cannot be read: {error}") from None
    return lambda message: _run(words, message)


def patiently(
    hook: Callable[[bytes], None], message: bytes, *, stopped: Callable[[float], bool]
) -> None:
    """Hand a message over, trying a few times; `stopped` waits and says whether to give up.

    Raises:
        HookError: it was not taken.
    """
    for pause in _PAUSES:
        try:
            return hook(message)
        except HookError:
            if stopped(pause * random.uniform(0.5, 1)):
                raise
    return hook(message)


def signature(message: bytes, secret: str, moment: int) -> str:
    """`t=<epoch seconds>,v1=<hex>`: the HMAC-SHA256 of `<t>.<message>` under the secret.

    The time is signed too, so that whoever checks it can refuse a message that is sent again later.
    """
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + message, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"


def _run(words: list[str], message: bytes) -> None:
    """Run the command, without a shell, the message on its standard input."""
    try:
        ran = subprocess.run(
            words, input=message, capture_output=True, timeout=_COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HookError(f"SIGNOFF_ALERT_COMMAND failed: {error}") from None
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip()[-500:] or "it wrote no reason"
        raise HookError(f"SIGNOFF_ALERT_COMMAND ended with exit code {ran.returncode}: {said}")


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would turn the POST into a GET that loses the message."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 -- they are urllib's
        """Follow none: it counts as a failure."""


def _post(url: str, message: bytes, secret: str | None) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "signoff"}
    if secret:
        headers[SIGNATURE] = signature(message, secret, int(time.time()))
    # Settings let only http and https through.
    request = Request(url, data=message, headers=headers, method="POST")  # noqa: S310
    where = f"SIGNOFF_ALERT_URL (host {urlsplit(url).hostname})"  # its path may hold a token
    try:
        build_opener(_NoRedirect).open(request, timeout=_REQUEST_SECONDS).close()
    except HTTPError as error:
        error.close()
        raise HookError(f"{where} answered {error.code}") from None
    except URLError as error:
        raise HookError(f"{where} cannot be reached: {error.reason}") from None
    except (HTTPException, OSError) as error:
        raise HookError(f"{where} cannot be reached: {error}") from None
