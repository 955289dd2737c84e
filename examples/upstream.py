"""A small upstream: posts drafts for review, and receives webhooks of what reviewers decided.

It uses nothing but Python's standard library, so that each step can be seen:

    export URL=http://127.0.0.1:8420   # where `signoff serve` or `signoff up` listens
    export KEY=sgn_...                 # from: signoff key add upstream --scope publish
    export WEBHOOK_SECRET=whsec_...            # from: signoff webhook add demo URL --kind ...
    python examples/upstream.py --drafts 3 --port 9000
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300
"""Seconds that a message's timestamp may differ from this clock: an old one is not taken again."""
MOST_BYTES = 1_000_000
DRAFTS = (
    ("Is the blue one in stock again?", ["Yes, since today!", "Shall I set one aside for you?"]),
    ("Can I pay in two parts?", ["You can: half now, half when it arrives."]),
    ("I want my money back.", ["I am sorry to hear that.", "It will be with you by Friday."]),
)


# Post drafts


def post_draft(url: str, key: str, number: int) -> str:
    """Post one draft for review; returns the id of its interaction.

    The id is the idempotency key: a draft that is posted twice is one review. So where no answer
    comes, post it again.
    """
    message, bubbles = DRAFTS[number % len(DRAFTS)]
    draft = {
        "interaction_id": str(uuid.uuid4()),
        "user_id": f"customer-{number + 1}",
        "customer_message": message,
        "draft_bubbles": bubbles,
        "context": {"source": "examples/upstream.py"},
    }
    request = urllib.request.Request(  # noqa: S310 -- the URL is the user's own
        f"{url.rstrip('/')}/v1/reviews",
        data=json.dumps(draft).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        say(f"posted {draft['interaction_id']}: {message!r} ({answer.status})")
    return str(draft["interaction_id"])


# Receive webhooks


def is_genuine(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether Signoff signed this body with this key, and not long ago."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp)) > TOLERANCE:
        return False
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    # During a rotation of the secret there are two signatures: one that fits is enough.
    given = headers.get("webhook-signature", "").encode().split()
    return any(hmac.compare_digest(expected, one) for one in given)


class Inbox:
    """Takes each message once: one that is sent again has the same id."""

    def __init__(self, secret: str) -> None:
        self.key = base64.b64decode(secret.removeprefix("whsec_"))
        self.seen: set[str] = set()  # a real service keeps them in its database

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Handle one message; returns the HTTP status of the answer."""
        if not is_genuine(self.key, headers, body, time.time()):
            say("refused: the signature does not fit, or the message is old")
            return 401
        message_id = headers["webhook-id"]
        if message_id in self.seen:
            say(f"again: {message_id}")
        else:
            self.seen.add(message_id)
            say(described(json.loads(body)))
        return 204


def described(message: dict[str, object]) -> str:
    """A message in one line."""
    data = message["data"]
    match message["type"], data:
        case "review.approved", {"interaction_id": interaction, "event": {"final_bubbles": reply}}:
            return f"approved {interaction}: send {reply} to the customer"
        case "review.rejected", {"interaction_id": interaction, "reason": reason}:
            return f"rejected {interaction}: {reason!r}; post a better draft"
        case "status.changed", {"user_id": user, "from_status": before, "to_status": after}:
            return f"status of {user}: {before} -> {after}"
        case kind, _:
            return f"{kind}: {data}"


class Handler(BaseHTTPRequestHandler):
    """Answers at once; a service with more to do would queue the message first."""

    inbox: Inbox

    def do_POST(self) -> None:
        """Take one message."""
        size = int(self.headers.get("Content-Length", 0))
        if not 0 <= size <= MOST_BYTES:
            self.send_error(413)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(self.inbox.take(headers, self.rfile.read(size)))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing of its own."""


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


def main() -> None:
    """Listen, post some drafts, and print what comes until Ctrl-C."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=9000, help="where webhooks arrive")
    arguments.add_argument("--drafts", type=int, default=3, help="how many to post")
    given = arguments.parse_args()
    try:
        url, key = os.environ["URL"], os.environ["KEY"]
        Handler.inbox = Inbox(os.environ["WEBHOOK_SECRET"])
    except KeyError as missing:
        sys.exit(f"{missing.args[0]} is not set; examples/README.md says where it comes from")
    with ThreadingHTTPServer(("127.0.0.1", given.port), Handler) as server:
        say(f"listening on http://127.0.0.1:{server.server_address[1]}/")
        try:
            for number in range(given.drafts):
                post_draft(url, key, number)
            server.serve_forever()
        except urllib.error.HTTPError as refused:
            sys.exit(f"the draft was refused ({refused.code}): {refused.read(2000).decode()}")
        except urllib.error.URLError as error:
            sys.exit(f"{url} cannot be reached: {error.reason}")
        except KeyboardInterrupt:
            say("stopped")


if __name__ == "__main__":
    main()
