"""SQL stands in `.sql` files, each beside the module that runs it; this reads them."""

from functools import cache
from importlib.resources import files
from typing import LiteralString, cast


@cache
def statement(name: str) -> LiteralString:
    """The text of `<name>.sql` in this package.

    The files ship with the package and hold no user's input, which is what `LiteralString` vouches for.
    """
    return cast("LiteralString", files("signoff_db").joinpath(f"{name}.sql").read_text("utf-8"))
