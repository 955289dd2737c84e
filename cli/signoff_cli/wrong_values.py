"""Why the value of an option or argument is refused, in plain words."""

import typer
from pydantic import ValidationError

from signoff_schemas.expected import expected
from signoff_schemas.invalid import shortened


def reason(error: typer.BadParameter) -> str:
    """The reason; an error of pydantic, which checks types for typer, is put into plain words."""
    if not isinstance(error.__cause__, ValidationError):
        return error.message
    first = error.__cause__.errors(include_url=False)[0]
    if first["type"] == "value_error":
        return expected(first)
    return f"expected {expected(first)}, found {shortened(repr(first['input']))}"
