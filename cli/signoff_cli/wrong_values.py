"""Why the value of an option or argument is refused: in plain words, whatever checked it."""

import typer
from pydantic import ValidationError

from signoff_schemas.expected import expected
from signoff_schemas.invalid import shortened


def reason(error: typer.BadParameter) -> str:
    """The reason; where pydantic refused the value (typer has it check types), not in its words."""
    if not isinstance(error.__cause__, ValidationError):
        return error.message
    first = error.__cause__.errors(include_url=False)[0]
    if first["type"] == "value_error":
        return expected(first)
    return f"expected {expected(first)}, found {shortened(repr(first['input']))}"
