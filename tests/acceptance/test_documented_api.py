"""The commands of docs/api.md, as they stand there."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import web
from approvals import TEN, apply_events, approval

from signoff_db.connection import connect_for_batches
from signoff_schemas import Settings
from signoff_web.app import create_app

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of commands, and what is special about it: its request is `refused`, or a `stream`."""
CURL = 'curl() { command curl --fail-with-body --max-time 60 "$@"; }\n'
REFUSED = 'curl() { ! command curl --fail-with-body "$@"; }\n'
STREAM = 'curl() { timeout 3 curl --fail-with-body "$@" || [ $? = 124 ]; }\n'
_ID = "0190f3a0-0000-7000-8000-0000000000"


def blocks() -> list[tuple[str, str]]:
    """Each block of commands."""
    return BLOCK.findall(PAGE.read_text("utf-8"))


@pytest.fixture
def service(redis_url: str, database_url: str) -> Iterator[dict[str, str]]:
    """The variables of the page, of a service whose database holds what the page publishes."""
    with connect_for_batches(database_url, application="test") as connection:
        event = approval(
            event_id=f"{_ID}01",
            occurred_at=TEN,
            interaction_id=f"{_ID}aa",
            user_id="customer-42",
            customer_status="CUSTOMER",
            ltv_amount="250.00",
        )
        apply_events(connection, event, approval(user_id=None))
    settings = Settings.load(redis_url=redis_url, database_url=database_url)
    with web.serving(create_app(settings)) as url:
        yield {"URL": url, "AUTH": f"Authorization: Bearer {web.key_of(settings)}"}


@pytest.mark.skipif(not shutil.which("jq") or not shutil.which("curl"), reason="needs curl and jq")
def test_the_commands_of_the_page_work(service: dict[str, str], tmp_path: Path) -> None:
    """Each ends well; those that show an error are refused."""
    kinds = {"": CURL, "refused": REFUSED, "stream": STREAM}
    script = "".join(f"{kinds[kind]}{commands}" for kind, commands in blocks())
    ran = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        env={"PATH": "/usr/bin:/bin", **service},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert "data: {" in ran.stdout
    assert "signoff_dead_letters" in ran.stdout
