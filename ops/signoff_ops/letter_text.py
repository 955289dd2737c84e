"""A dead letter as JSON-able data, and its payload as text to read and to edit."""

from signoff_db.letter_lines import as_data
from signoff_db.payload_text import json_or_text, members_of, readable, readable_beginning

__all__ = ["as_data", "json_or_text", "members_of", "readable", "readable_beginning"]
