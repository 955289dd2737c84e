"""A dead letter as JSON-able data, and its payload as text to read and to edit."""

from signoff_db.letter_lines import as_data
from signoff_db.payload_text import json_or_text, members_of, readable, readable_beginning
from signoff_schemas.wording import one_line_json

__all__ = [
    "as_data",
    "json_or_text",
    "members_of",
    "readable",
    "readable_beginning",
    "shown_beginning",
]


def shown_beginning(payload: bytes, most: int) -> tuple[str, bool]:
    """As `readable_beginning`; characters that are not printable are escaped as in an edit."""
    text, complete = readable_beginning(payload, most)
    return "\n".join(map(one_line_json, text.split("\n"))), complete
