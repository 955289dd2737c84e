"""Run the named scenarios, or all, and print one table."""

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import console
import context
import desk
import drain
import drain_rivals
import feed
import history
import http_api
import insight
import latency
import letters
import limit
import publishing
import relay
import report
import reviews
import scale
import shapes
from deployment import Row, deployment

SCENARIOS = {
    "publishing": publishing.run,
    "http": http_api.run,
    "relay": relay.run,
    "latency": latency.run,
    "drain": drain.run,
    "rivals": drain_rivals.run,
    "shapes": shapes.run,
    "limit": limit.run,
    "letters": letters.run,
    "feed": feed.run,
    "reviews": reviews.run,
    "desk": desk.run,
    "console": console.run,
    "insight": insight.run,
    "context": context.run,
    "scale": scale.run,
    "history": history.run,
}

PARTS = {
    "console-pages": console.run_pages,
    "console-drain": console.run_drain,
    "console-replay": console.run_replay,
}
"""Parts of scenarios, each in a few minutes."""
QUICK = [name for name in SCENARIOS if name not in {"scale", "history", "console", "insight"}]
"""The others need many events to show anything."""


def main() -> int:
    """Run what was asked for; after each run the tables are compared with the fold."""
    asked = _arguments()
    names = asked.scenario or (QUICK if asked.quick else SCENARIOS)
    rows = report.read(asked.read) if asked.read else _measure(names, quick=asked.quick)
    if asked.json:
        print(report.as_json(rows))
    elif asked.markdown:
        print(report.as_markdown(rows))
    else:
        report.show(rows)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer events, rounds and rivals")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a row")
    form.add_argument("--markdown", action="store_true", help="the table of bench/README.md")
    parser.add_argument(
        "--read",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="measure nothing, show the rows of earlier runs with --json",
    )
    parser.add_argument(
        "scenario",
        nargs="*",
        choices=[*SCENARIOS, *PARTS, []],
        help="all, if none is given; with --quick all but console, insight, scale and history; "
        "parts of console run only if they are named",
    )
    return parser.parse_args()


def _measure(names: Iterable[str], *, quick: bool) -> list[Row]:
    """Run each scenario on its own servers; print versions, and the time with starting servers."""
    rows: list[Row] = []
    begin = time.monotonic()
    print(report.versions(), file=sys.stderr)
    for name in names:
        print(f"{name} … ", end="", file=sys.stderr, flush=True)
        start = time.monotonic()
        with deployment() as servers:
            rows += (SCENARIOS | PARTS)[name](servers, quick=quick)
        print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    print(f"all: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    return rows


if __name__ == "__main__":
    sys.exit(main())
