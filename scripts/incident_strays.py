"""Jobs of an incident whose texts attack pages, and jobs of other programs.

Where a page shows such a text unescaped, a script runs that sets `window.pwned`.
"""

import json
import pickle
from datetime import datetime
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from incident_events import instant, job_of
from incident_model import Event, Sent

from signoff_schemas import FUNCTION

_IMAGE: Final = '"><img src=x onerror="window.pwned=2">'
_ADDRESS: Final = "javascript:window.pwned=4"
ATTACKS: Final = (
    "<script>window.pwned=1</script>",
    _IMAGE,
    "'><svg onload=window.pwned=3>",
    _ADDRESS,
    "{{ 7*7 }}{% raw %}",
    "evil\u202etxt.exe\u202c",
    "\x1b[2J\x07\x85 \u2028",
)
_OTHER_PROGRAMS: Final = 3


def strays(start: datetime) -> list[Sent]:
    """Jobs that become dead letters: nothing can be made of them."""
    mails = [
        Sent(f"mail-{n}", _call("crm.tasks.send_mail", f"customer-{n:05}"))
        for n in range(1, _OTHER_PROGRAMS + 1)
    ]
    attacks = [job_of(event | {event["user_id"]: "x"}) for event in _attacks(start, "dead")]
    return [
        *mails,
        Sent(_IMAGE, _call(ATTACKS[0], _IMAGE)),
        Sent("cut-off", f'["{FUNCTION}", null, [{{"event_id": "0000'.encode()),
        Sent("pickled", pickle.dumps((FUNCTION, None, [{}], {}))),
        *attacks,
    ]


def applied_attacks(start: datetime) -> list[Sent]:
    """Events that apply: histories show their texts, too."""
    return [job_of(event) for event in _attacks(start, "applied")]


def _attacks(start: datetime, kind: str) -> list[Event]:
    return [
        {
            "event_id": str(uuid5(NAMESPACE_URL, f"signoff-incident:{kind}:{n}")),
            "occurred_at": instant(start),
            "interaction_id": str(uuid5(NAMESPACE_URL, f"signoff-incident:{kind}:{n}:of")),
            "user_id": text,
            "reviewer_id": text,
            "final_bubbles": [text, f"{text}{text}"],
            "quality_score": 4,
            "reviewer_notes": text,
            "cta_data": {text: text, "href": _ADDRESS},
            "customer_status": "CUSTOMER",
            "ltv_amount": "10.00",
        }
        for n, text in enumerate(ATTACKS)
    ]


def _call(function: str, argument: object) -> bytes:
    return json.dumps([function, None, [argument], {}]).encode()
