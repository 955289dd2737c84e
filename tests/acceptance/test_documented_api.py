"""The commands of docs/api.md, as they stand there."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import processes
import pytest
import web
from approvals import apply_events, approval
from processes import DEADLINE
from rapport import keep_contexts

from signoff_db.connection import connect_for_batches
from signoff_ops.rapport import create_rapport
from signoff_schemas import Settings
from signoff_web.app import create_app

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
BLOCK = re.compile(r"^```sh *(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of commands, and what is special about it: its request is `refused`, or a `stream`."""
CURL = f'curl() {{ command curl --fail-with-body --max-time {DEADLINE:g} "$@"; }}\n'
REFUSED = 'curl() { ! command curl --fail-with-body "$@"; }\n'
STREAM = f"""curl() {{
    grep --max-count=1 '^data: {{' < <(command curl --max-time {DEADLINE:g} "$@" 2>/dev/null)
}}
"""
"""A stream has no end: one event of it is enough."""


def blocks() -> list[tuple[str, str]]:
    """Each block of commands."""
    return BLOCK.findall(PAGE.read_text("utf-8"))


@pytest.fixture
def service(
    redis_url: str, database_url: str, empty_database_url: str, tmp_path: Path
) -> Iterator[dict[str, str]]:
    """The variables of the page, of a service with a worker, a dead letter and a context."""
    with connect_for_batches(database_url, application="test") as connection:
        apply_events(connection, approval(user_id=None), approval(user_id="customer-42"))
    settings = Settings.load(
        redis_url=redis_url, database_url=database_url, rapport_url=empty_database_url
    )
    create_rapport(settings)
    keep_contexts(database_url, settings.rapport)
    env = processes.environment(redis_url, database_url)
    with web.serving(create_app(settings)) as url, processes.worker(env, tmp_path / "log"):
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
        timeout=DEADLINE,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    assert '"verdict":"applied"' in ran.stdout
    assert '"answer":"rejected"' in ran.stdout
    assert "data: {" in ran.stdout
    assert "signoff_dead_letters" in ran.stdout
