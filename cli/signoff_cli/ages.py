"""Ages in options."""

from datetime import timedelta

from signoff_cli.errors import UsageError
from signoff_ops.ages import EXAMPLES, age_of

__all__ = ["EXAMPLES", "age_of", "required_age"]


def required_age(text: str, option: str) -> timedelta:
    """Parse the age of an option.

    Raises:
        UsageError: it holds something else.
    """
    age = age_of(text)
    if age is None:
        raise UsageError(f"{option} holds {text!r}; expected {EXAMPLES}")
    return age
