"""Alerts are handed to a command or webhook, tried again, signed; what is wrong is told."""

import hashlib
import hmac

import pytest

from signoff_ops.hook import HookError, hook_of, patiently, signature
from signoff_schemas import Settings, SettingsError


def test_it_is_tried_four_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """With growing pauses; then the failure goes up."""
    tries: list[bytes] = []
    pauses: list[float] = []

    def refuse(message: bytes) -> None:
        tries.append(message)
        raise HookError("no")

    def wait(pause: float) -> bool:
        pauses.append(pause)
        return False

    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    with pytest.raises(HookError):
        patiently(refuse, b"m", stopped=wait)

    assert (tries, pauses) == ([b"m"] * 4, [1, 2, 4])


def test_a_stop_ends_the_tries() -> None:
    """Who is asked to stop does not wait for a hook."""
    tries: list[bytes] = []

    def refuse(message: bytes) -> None:
        tries.append(message)
        raise HookError("no")

    with pytest.raises(HookError):
        patiently(refuse, b"m", stopped=lambda _pause: True)

    assert len(tries) == 1


def test_a_signature_can_be_checked_by_anybody() -> None:
    """HMAC-SHA256 over the time and the body, as RFC 2104 has it."""
    expected = hmac.new(b"key", b"1700000000." + b'{"a":1}', hashlib.sha256).hexdigest()

    assert signature(b'{"a":1}', "key", 1_700_000_000) == f"t=1700000000,v1={expected}"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "neither of them is set"),
        ({"alert_command": "a", "alert_url": "http://h/"}, "each of them is set"),
        ({"alert_command": "say 'hello"}, "SIGNOFF_ALERT_COMMAND cannot be read"),
    ],
    ids=str,
)
def test_where_alerts_go_must_be_clear(fields: dict[str, str], told: str) -> None:
    """One of the two, and a command that a shell's rules can split."""
    with pytest.raises(SettingsError, match=told):
        hook_of(Settings.load(**fields))


def test_a_command_that_is_not_there_is_told() -> None:
    """By the setting's name."""
    with pytest.raises(HookError, match="SIGNOFF_ALERT_COMMAND failed"):
        hook_of(Settings.load(alert_command="/nowhere/at-all"))(b"{}")


def test_a_command_that_fails_without_a_word_is_told() -> None:
    """No reason is a finding too: it is not left out of the sentence."""
    with pytest.raises(HookError, match="exit code 1: it wrote no reason"):
        hook_of(Settings.load(alert_command="false"))(b"{}")


def test_a_webhooks_token_is_not_told() -> None:
    """Chat systems put the secret into the URL's path."""
    hook = hook_of(Settings.load(alert_url="http://127.0.0.1:1/services/t0k3n"))

    with pytest.raises(HookError, match=r"host 127\.0\.0\.1.*reached: \[Errno") as caught:
        hook(b"{}")

    assert "t0k3n" not in str(caught.value)
