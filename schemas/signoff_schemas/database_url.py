"""The name of Signoff's schema is part of the database's URL, so that each connection has it."""

from typing import Final

DEFAULT_SCHEMA: Final = "signoff"
RAPPORT_SCHEMA: Final = "rapport"
"""The schema of the second database, which holds the contexts of customers."""
_OPTIONS: Final = "options="


def with_schema(url: str, schema: str) -> str:
    """The URL of the same database, with the schema in which Signoff's tables are.

    The schema is the setting `signoff.schema` in libpq's `options`.
    """
    if schema == DEFAULT_SCHEMA:
        return url
    target, _, query = url.partition("?")
    parameters = query.split("&") if query else []
    others = [one for one in parameters if not one.startswith(_OPTIONS)]
    given = [one for one in parameters if one.startswith(_OPTIONS)]
    ours = f"-csignoff.schema%3D{schema}"
    options = f"{given[-1]}%20{ours}" if given else f"{_OPTIONS}{ours}"
    return f"{target}?{'&'.join([*others, options])}"
