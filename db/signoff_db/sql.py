"""Read SQL from `.sql` files; each file is beside the module that runs it."""

from functools import cache
from importlib.resources import files
from typing import Final, LiteralString

_PARTS: Final[dict[LiteralString, LiteralString]] = {
    "{audit_columns}": "audits/columns",
    "{chosen}": "chosen_dead_letters",
    "{chosen_by_columns}": "chosen_by_columns",
    "{feed_line}": "feed_line",
    "{feed_readers_table}": "feed_readers_table",
    "{feed_transaction}": "feed_transaction",
    "{holds_text}": "holds_text",
    "{key_columns}": "accounts/key_columns",
    "{letter_columns}": "letter_columns",
    "{operation_columns}": "operations/columns",
    "{resolve_letters}": "resolve_letters",
    "{review_columns}": "reviews/columns",
    "{user_columns}": "accounts/user_columns",
}
"""What several statements share, by the name under which it is put in."""


@cache
def statement(name: str, package: str = "signoff_db") -> LiteralString:
    """The text of `<name>.sql` in a package, without comments, with the parts that it shares.

    `name` may hold a folder, as in `accounts/add_user`.
    The files are part of the package and hold no user's input, so they are a `LiteralString`.
    """
    text = files(package).joinpath(f"{name}.sql").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    bare = "\n".join(lines)
    for mark, part in _PARTS.items():
        if mark in bare:
            bare = bare.replace(mark, statement(part))
    return bare


@cache
def raw_statement(name: str) -> bytes:
    """The text of `<name>.sql` with the parameters `$1`, `$2`, …, for psycopg's `RawCursor`.

    For long statements that run often: psycopg does not cache what it makes of named parameters in
    more than 4,096 characters, but searches for them each time.
    """
    return statement(name).encode()
