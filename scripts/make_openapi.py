"""Write web/openapi.json, the description of the HTTP API, as the service makes it."""

import json
import sys
from pathlib import Path

from signoff_schemas import Settings
from signoff_web.app import create_app
from signoff_web.openapi import description_of

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "web" / "openapi.json"


def description() -> str:
    """The file's text."""
    nowhere = Settings.load(
        redis_url="redis://localhost:6379", database_url="postgresql://localhost/signoff"
    )
    return json.dumps(description_of(create_app(nowhere)), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file; with `--check`, exit 1 where it is not current, and write nothing."""
    current = description()
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
