"""Run the scenarios and print one table: `python bench [--quick] [--json] [SCENARIO …]`."""

import argparse
import json
import sys
from dataclasses import asdict

import drain
import drain_rivals
import latency
import letters
import limit
import publishing
import relay
import scale
import shapes
from rich.console import Console
from rich.table import Table
from stage import Row, stage

SCENARIOS = {
    "publishing": publishing.run,
    "relay": relay.run,
    "latency": latency.run,
    "drain": drain.run,
    "rivals": drain_rivals.run,
    "shapes": shapes.run,
    "limit": limit.run,
    "letters": letters.run,
    "scale": scale.run,
}


def main() -> int:
    """Run what was asked for; every run is checked against the fold while it is measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer events, fewer rounds")
    parser.add_argument("--json", action="store_true", help="one JSON object a row")
    parser.add_argument(
        "scenario", nargs="*", choices=[*SCENARIOS, []], help="all, if none is given"
    )
    asked = parser.parse_args()
    rows: list[Row] = []
    for name in asked.scenario or SCENARIOS:
        print(f"{name} …", file=sys.stderr)
        with stage() as servers:
            rows += SCENARIOS[name](servers, quick=asked.quick)
    if asked.json:
        for row in rows:
            print(json.dumps({**asdict(row), "ratio": row.ratio}))
    else:
        Console().print(_table(rows))
    return 0


def _table(rows: list[Row]) -> Table:
    table = Table("scenario", "ours", "unit", "beside", "theirs", "ratio", "reach")
    for row in rows:
        theirs = "" if row.theirs is None else f"{row.theirs:,.4g}"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(
            row.scenario, f"{row.ours:,.5g}", row.unit, row.beside, theirs, ratio, row.reach
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
