"""The example's receiver checks what it is sent."""

import json
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from signoff_ops.webhook_message import secret_text, signature

EXAMPLE = Path(__file__).parents[2] / "examples" / "upstream.py"
KEY, OLD = b"k" * 32, b"o" * 32
BODY = json.dumps({"type": "webhook.test", "timestamp": "", "data": {"webhook": "demo"}})


@pytest.fixture
def inbox() -> Any:
    """A receiver that has the secret."""
    return runpy.run_path(str(EXAMPLE))["Inbox"](secret_text(KEY))


def message(*keys: bytes, age: float = 0) -> dict[str, str]:
    """The headers of a message that Signoff signed some seconds ago."""
    moment, message_id = datetime.now(UTC) - timedelta(seconds=age), str(uuid4())
    signed = signature(message_id, int(moment.timestamp()), BODY.encode(), keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signed,
    }


def test_what_is_signed_is_taken_once(inbox: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A repetition is answered with success too, and not handled again."""
    headers = message(KEY)
    assert [inbox.take(headers, BODY.encode()) for _ in range(2)] == [204, 204]
    assert capsys.readouterr().out.splitlines() == [
        "webhook.test: {'webhook': 'demo'}",
        f"again: {headers['webhook-id']}",
    ]
    assert inbox.take(message(OLD, KEY), BODY.encode()) == 204, "in a rotation"


def test_what_an_independent_library_signs_is_taken(inbox: Any) -> None:
    """The example follows the specification, not only our sender."""
    now = datetime.now(UTC)
    headers = message(OLD) | {"webhook-timestamp": str(int(now.timestamp()))}
    signed = Webhook(secret_text(KEY)).sign(headers["webhook-id"], now, BODY)
    assert inbox.take(headers | {"webhook-signature": signed}, BODY.encode()) == 204


def test_what_is_not_signed_or_old_is_refused(inbox: Any) -> None:
    """Nothing of it is handled."""
    good = message(KEY)
    refused = [
        (message(OLD), BODY),
        (good, BODY + " "),
        (good | {"webhook-id": str(uuid4())}, BODY),
        (good | {"webhook-timestamp": "soon"}, BODY),
        (good | {"webhook-signature": ""}, BODY),
        (message(KEY, age=301), BODY),
        (message(KEY, age=-302), BODY),
        ({}, BODY),
    ]
    for headers, body in refused:
        assert inbox.take(headers, body.encode()) == 401
