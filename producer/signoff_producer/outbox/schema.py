"""The outbox's table, for upstreams that have their own migrations."""

from importlib.resources import files
from typing import Final

SCHEMA: Final = files("signoff_producer.outbox").joinpath("schema.sql").read_text("utf-8")
"""The SQL that makes the table, its indexes and its trigger.

A table that an earlier release made is brought up to date; running it again changes nothing.
"""
