"""Values in words for people, and in JSON for machines; every front end writes them this way."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: 1 event, 2,000 events."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def ago(age: timedelta) -> str:
    """An age, as coarse as it is old."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def json_default(value: object) -> str | float:
    """What JSON knows nothing of, in the spelling of the event's contract."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return value.total_seconds()
        case Decimal() | UUID():
            return str(value)
    raise TypeError(type(value).__name__)
