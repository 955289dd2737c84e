"""Words that several reports share."""


def days(number: int) -> str:
    """So many days, as people write it."""
    return "1 day" if number == 1 else f"{number} days"


def with_days(definition: str, number: int) -> str:
    """A definition of something within W days, with the number of days."""
    return definition.replace("W days", days(number))
