"""Amounts of money in events: dollars and cents, always exact."""

import json
import re
from decimal import Context, Decimal, InvalidOperation
from typing import Annotated, Final

from pydantic import Field, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator
from pydantic_core import PydanticCustomError

from signoff_schemas.invalid import InvalidEvent

_CENT: Final = Decimal("0.01")
_EXACT: Final = Context(prec=28, traps=[InvalidOperation])
"""A separate context: the thread's decimal context may round to fewer digits."""
_PLAIN_AMOUNT: Final = re.compile(r"[0-9]+(\.[0-9]{1,2})?")
_USUAL_AMOUNT: Final = re.compile(r"[0-9]{1,4}\.[0-9]{2}")
"""The form of nearly every amount, and of every canonical one: a part of what is allowed."""
_INEXACT_NUMBER: Final = re.compile(rb":[ \t\n\r]*[-+.0-9eE]*?(?:[.0-9]{16}|[0-9][eE]-[0-9]{2})")
"""A number that a double may not hold exactly: sixteen digits and more, or a tiny exponent."""


def _amount_text(value: object) -> object:
    """Accept a JSON number or plain decimal digits, without float arithmetic."""
    if isinstance(value, str) and _PLAIN_AMOUNT.fullmatch(value):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(float.__repr__(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, Decimal):
        return value
    raise PydanticCustomError(
        "amount",
        "must be a number or a string of plain digits, with at most 2 decimal places, from 0 to "
        '10000, such as "250.00"',
    )


def _amount(value: object, read: ValidatorFunctionWrapHandler) -> Decimal:
    """The amount in cents; pydantic reads unusual forms, and reports errors."""
    if isinstance(value, str) and _USUAL_AMOUNT.fullmatch(value):
        return Decimal(value)
    cents = in_cents(read(_amount_text(value)))
    if cents is None:
        raise PydanticCustomError("decimal_max_places", "must have at most 2 decimal places")
    return cents


def in_cents(value: Decimal) -> Decimal | None:
    """The same amount with two decimal places; None if it has more, or is negative."""
    try:
        cents = value.quantize(_CENT, context=_EXACT).copy_abs()
    except InvalidOperation:
        return None
    return cents if cents == value else None


Money = Annotated[
    Decimal,
    Field(ge=0, le=10_000),
    WrapValidator(_amount),
    WithJsonSchema(
        {
            "anyOf": [
                # No multipleOf 0.01: validators that divide doubles would refuse 0.29.
                {"type": "number", "minimum": 0, "maximum": 10_000},
                {"type": "string", "pattern": r"^0*([0-9]{1,4}(\.[0-9]{1,2})?|10000(\.0{1,2})?)$"},
            ]
        },
        mode="validation",
    ),
]


def check_exact(data: bytes, amount: Decimal) -> None:
    """Check that the JSON parser, which reads numbers as doubles, did not round the amount.

    Raises:
        InvalidEvent: the event `data` has more decimal places in its amount than were read.
    """
    if not _INEXACT_NUMBER.search(data):
        return
    written = json.loads(data, parse_float=str, parse_int=str)["ltv_amount"]
    try:
        exact = Decimal(written) == amount
    except InvalidOperation:  # an exponent beyond what even Decimal can hold
        exact = False
    if not exact:
        raise InvalidEvent.too_many_places(written)
