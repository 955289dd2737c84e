"""The types of problems are documented, for people and for programs."""

import json
import re
from pathlib import Path

from signoff_web.problem_types import PROBLEM_TYPES, URN

ROOT = Path(__file__).parents[2]


def test_the_table_of_the_documentation_names_every_type() -> None:
    """Each once, and no other."""
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    table = page.split(f"| `{URN}…` |")[1].split("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert sorted(re.findall(r"`([a-z-]+)`", "".join(rows))) == sorted(PROBLEM_TYPES)


def test_the_description_of_the_api_names_every_type() -> None:
    """Later releases may have more: it is no closed list."""
    described = json.loads((ROOT / "web" / "openapi.json").read_text("utf-8"))
    field = described["components"]["schemas"]["Problem"]["properties"]["type"]
    assert field["x-extensible-enum"] == [f"{URN}{name}" for name in PROBLEM_TYPES]
    assert "enum" not in field
