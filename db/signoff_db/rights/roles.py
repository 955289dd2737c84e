"""The roles, and which files of this folder hold their rights in which database."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class RoleDatabase(StrEnum):
    """The databases in which roles have rights."""

    SIGNOFF = "signoff"
    """The one with the ledger, at SIGNOFF_DATABASE_URL."""
    OUTBOX = "outbox"
    """One with an outbox: that of an upstream, or Signoff's own with that of the review desk."""
    RAPPORT = "rapport"
    """The second one, at SIGNOFF_RAPPORT_URL."""


PURPOSES: Final[Mapping[str, str]] = {
    "publisher": "an upstream that adds events to its outbox",
    "worker": "applies events and writes dead letters",
    "relay": "moves events from an outbox to the queue",
    "operator": "reads, replays, edits, discards, prunes, audits, alerts and decides proposals",
    "web": "the web service: what operators, accounts and reviews may",
    "auditor": "only reads: audits, reports and the outbox",
    "reader": "only reads, for reports and `signoff feed`",
    "follower": "a reader of the feed with effects in this database",
    "accounts": "`signoff user` and `signoff key`",
    "webhooks": "`signoff webhook`, the sender among it",
    "reviews": "`signoff reviews`",
    "insight": "`signoff insight run` and `rebuild`",
    "rapport": "what `signoff rapport` reads in the ledger's database",
    "keeper": "what `signoff rapport` writes in the second database",
    "contexts": "reads the contexts of customers, for whoever writes the next reply",
}
"""Every role, with what it is for."""

FILES: Final[Mapping[RoleDatabase, Mapping[str, tuple[str, ...]]]] = {
    RoleDatabase.SIGNOFF: {
        "worker": ("worker",),
        "relay": ("relay",),
        "operator": ("reads", "operator"),
        "web": ("reads", "operator", "accounts", "reviews"),
        "auditor": ("reads",),
        "reader": ("reads",),
        "follower": ("follower",),
        "accounts": ("accounts",),
        "webhooks": ("webhooks",),
        "reviews": ("reviews",),
        "insight": ("insight",),
        "rapport": ("rapport",),
    },
    RoleDatabase.OUTBOX: {
        "publisher": ("publisher",),
        "relay": ("relay",),
        "operator": ("operator",),
        "web": ("operator",),
        "auditor": ("reads",),
        "reader": ("reads",),
        "reviews": ("reviews",),
    },
    RoleDatabase.RAPPORT: {
        "keeper": ("keeper",),
        "contexts": ("contexts",),
        "operator": ("contexts",),
        "web": ("contexts",),
        "auditor": ("contexts",),
    },
}
"""For each role of a database the files with its rights there, in the order in which they run:
`reads` takes away again what is secret, so it comes first."""
