"""Words that several reports share."""


def days(number: int) -> str:
    """So many days, as people write it."""
    return "1 day" if number == 1 else f"{number} days"
