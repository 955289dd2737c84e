"""Write docs/python-api.md, the reference of the package `signoff`, from its docstrings.

griffe2md renders it, configured by `[tool.griffe2md]` in pyproject.toml. It links every type; links
to types that are not on the page are removed.
"""

import re
import sys
import tomllib
from pathlib import Path

from griffe2md import render_package_docs

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "python-api.md"
_HEAD = """# Python API

What `from signoff import …` gives an upstream service. Written by `make docs` from the
docstrings; edit those, not this page.

"""
_LINK_ELSEWHERE = re.compile(r"\[([^\[\]]+)\]\(#(?!signoff\.)[^)]*\)")


def reference() -> str:
    """The page's text."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["griffe2md"]
    text = render_package_docs("signoff", config)
    return _HEAD + _LINK_ELSEWHERE.sub(r"\1", text).strip() + "\n"


def main() -> int:
    """Write the page; with `--check`, exit 1 where it is not current, and write nothing."""
    current = reference()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text("utf-8") != current:
            print(f"{TARGET.relative_to(ROOT)} is not current: run `make docs`", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(current, encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
