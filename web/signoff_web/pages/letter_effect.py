"""What an edit did, from the answer to its form to the letter's page, which shows it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from fastapi import Request

from signoff_ops.letter_view import LetterView
from signoff_ops.values import Action, Balance, Edited
from signoff_schemas.access import Identity

_JUST_NOW: Final = timedelta(minutes=10)
_BALANCE: Final = re.compile(r"none|[A-Z_]{1,40} [0-9]{1,6}\.[0-9]{2}")
_EFFECT: Final = {"edited": re.compile("[a-z_]{1,20}"), "before": _BALANCE, "after": _BALANCE}


def effect_query(edited: Edited) -> str:
    """What an edit did, for the address of the letter's page that shows it."""
    return urlencode(
        {"edited": edited.result, "before": _held(edited.before), "after": _held(edited.after)}
    )


def _held(balance: Balance | None) -> str:
    return f"{balance.customer_status} {balance.ltv_usd:.2f}" if balance else "none"


def effect_of(request: Request, acting: Identity, view: LetterView) -> Mapping[str, str] | None:
    """What the address says an edit did, if that can be so: it was edited just now, by who asks."""
    given = dict(request.query_params)
    by = view.settled.by if view.settled else None
    if by is None or by.action is not Action.EDIT or by.actor != acting.actor:
        return None
    is_whole = all(pattern.fullmatch(given.get(name, "")) for name, pattern in _EFFECT.items())
    return given if is_whole and datetime.now(UTC) - by.acted_at < _JUST_NOW else None
