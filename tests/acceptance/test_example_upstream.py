"""The example upstream, against the real service: drafts out, webhooks in."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from command_line import Signoff
from desk import BODY
from processes import eventually, process
from web import get

from signoff_embedded.ports import free_port
from signoff_ops import reviews
from signoff_ops.outbox import create_outbox
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "upstream.py"
KINDS = ("review.approved", "review.rejected", "status.changed")


@dataclass(frozen=True)
class Installation:
    """All that runs, and what the example printed."""

    servers: DirectServers
    log: Path

    @property
    def printed(self) -> str:
        """By the example, so far."""
        return self.log.read_text("utf-8")

    def posted(self) -> list[str]:
        """The interactions of the drafts that were posted."""
        return re.findall(r"^posted ([0-9a-f-]{36})", self.printed, re.MULTILINE)

    def prints(self, text: str) -> None:
        """Wait until the example has printed it."""
        eventually(lambda: text in self.printed, what=f"it prints {text!r}", log=self.log)


@pytest.fixture
def installation(
    signoff: Signoff, redis_url: str, database_url: str, tmp_path: Path
) -> Iterator[Installation]:
    """Web service, worker, relay, sender and example, each a process of its own."""
    create_outbox(database_url)
    web, port = f"http://127.0.0.1:{free_port()}", free_port()
    allowed = signoff.having(
        SIGNOFF_WEBHOOK_ALLOW_PRIVATE="127.0.0.1",
        SIGNOFF_UNDO_SECONDS="0",
        SIGNOFF_WEB_PORT=web.rpartition(":")[2],
    )
    kinds = [argument for kind in KINDS for argument in ("--kind", kind)]
    added = allowed.json("webhook", "add", "demo", f"http://127.0.0.1:{port}/", *kinds)
    key = allowed.json("key", "add", "upstream", "--scope", "publish")["key"]
    given = {"URL": web, "KEY": key, "WEBHOOK_SECRET": added["secret"]}
    log = tmp_path / "printed"
    with ExitStack() as stack:
        for command in (["serve"], ["worker"], ["relay"], ["webhook", "run"]):
            stack.enter_context(running(allowed, command, tmp_path))
        eventually(lambda: answers(web), what="the service answers", log=tmp_path / "serve")
        example = [sys.executable, str(EXAMPLE), "--drafts", "3", "--port", str(port)]
        stack.enter_context(process(*example, env=os.environ | given, log=log))
        settings = Settings.load(redis_url=redis_url, database_url=database_url, undo_seconds=0)
        yield Installation(DirectServers(settings), log)


@contextmanager
def running(signoff: Signoff, command: list[str], folder: Path) -> Iterator[None]:
    """A command as a process, until the block ends."""
    whole = [sys.executable, "-m", "signoff_cli", *command]
    with process(*whole, env=signoff.environment, log=folder / command[0]):
        yield


def answers(url: str) -> bool:
    """Whether the service is ready."""
    try:
        return get(f"{url}/live").is_success
    except httpx.TransportError:
        return False


def test_an_upstream_posts_drafts_and_is_told_what_became_of_them(
    installation: Installation,
) -> None:
    """One approved with a status, one rejected, one still waiting."""
    eventually(lambda: len(installation.posted()) == 3, what="drafts", log=installation.log)
    approved, rejected, _ = map(UUID, installation.posted())
    body = BODY | {"customer_status": "CUSTOMER", "ltv_amount": "150.00"}
    reviews.approve(installation.servers, approved, "ann", body)
    reviews.reject(installation.servers, rejected, "ann", "too long")
    installation.prints(f"approved {approved}: send ['Hello Ann!'] to the customer")
    installation.prints(f"rejected {rejected}: 'too long'; post a better draft")
    installation.prints("status of customer-1: PROSPECT -> CUSTOMER")
    assert "refused" not in installation.printed
