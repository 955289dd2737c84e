"""How webhooks are shown: never with a secret, nor with the path of a URL, which may be one."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from signoff_cli.terminal import show_table
from signoff_ops.webhooks import Webhook, shown_url


def state_of(webhook: Webhook) -> dict[str, Any]:
    """A webhook as JSON shows it."""
    data = asdict(webhook) | {"url": shown_url(webhook.url)}
    data.pop("id")
    return data


def show_webhooks(found: Sequence[Webhook]) -> None:
    """A table of webhooks."""
    show_table(
        ["webhook", "to", "kinds", "waiting", "dead", "disabled since", "message"],
        [
            [w.name, shown_url(w.url), ", ".join(w.kinds), w.waiting, w.dead, w.disabled_at,
             w.disabled_reason] for w in found
        ],
    )  # fmt: skip
