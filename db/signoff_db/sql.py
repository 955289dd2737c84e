"""Read SQL from `.sql` files; each file is beside the module that runs it."""

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def statement(name: str, package: str = "signoff_db") -> LiteralString:
    """The text of `<name>.sql` in a package, without comments.

    `{chosen}` is replaced by the condition that statements about chosen dead letters share. The
    files are part of the package and hold no user's input, so they are a `LiteralString`.
    """
    text = files(package).joinpath(f"{name}.sql").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    bare = "\n".join(lines)
    if "{chosen}" in bare:
        bare = bare.replace("{chosen}", statement("chosen_dead_letters"))
    return bare
