"""SQL stands in `.sql` files, each beside the module that runs it; this reads them."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def statement(name: str, package: str = "signoff_db") -> LiteralString:
    """The text of `<name>.sql` in a package, comments left out.

    The condition that statements about chosen dead letters share is put in for `{chosen}`. The
    files ship with the package and hold no user's input, which `LiteralString` vouches for.
    """
    text = files(package).joinpath(f"{name}.sql").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    bare = "\n".join(lines)
    if "{chosen}" in bare:
        bare = bare.replace("{chosen}", statement("chosen_dead_letters"))
    return bare
