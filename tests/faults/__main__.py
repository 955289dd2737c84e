"""The long run: faults for some minutes, in the order that a seed decides; checks in between.

Run as `python -m faults [--minutes M] [--seed S] [--only PART-OF-A-NAME ...] [--json FILE]`. Exit 0
if nothing was lost, doubled or otherwise wrong, else 1, and the folder with all logs stays.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random, SystemRandom
from typing import Final

from faults.deployment import Deployment
from faults.fault import Fault, NotHereError
from faults.nemesis import ALL, Nemesis
from faults.rounds import Round, play
from faults.table import as_json, as_markdown
from signoff_embedded.process import ending_by_signal_unwinds

_PROCESSES: Final = 3
_LASTS: Final = (0.5, 3.0)
"""Seconds between which faults last."""


def main() -> int:
    """Run, report, and say with the exit code whether all is well."""
    asked = _arguments()
    faults = [one for one in ALL if any(part in one.name for part in asked.only)]
    if not faults:
        _say(f"no fault has {' or '.join(asked.only)} in its name; they are:")
        _say("\n".join(one.name for one in ALL))
        return 2
    _say(f"seed {asked.seed}: {len(faults)} faults for {asked.minutes:g} minutes")
    folder = Path(tempfile.mkdtemp(prefix="signoff-faults-"))
    rounds: list[Round] = []
    try:
        with ending_by_signal_unwinds():
            _play_on(folder, faults, asked.seed, asked.minutes * 60, rounds)
    finally:
        _say(as_markdown(rounds))
        if asked.json:
            asked.json.write_text(as_json(asked.seed, rounds), "utf-8")
    if not all(one.good for one in rounds):
        _say(f"seed {asked.seed}: not good; logs and journals are in {folder}")
        return 1
    shutil.rmtree(folder)
    _say(f"seed {asked.seed}: {len(rounds)} rounds, nothing lost, nothing doubled")
    return 0


def _play_on(
    folder: Path, faults: list[Fault], seed: int, seconds: float, rounds: list[Round]
) -> None:
    nemesis = Nemesis(Random(seed), faults)
    deployment = Deployment(folder, seed=seed, processes=_PROCESSES, retries=1)
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until and all(one.good for one in rounds):
            _play_one(deployment, nemesis.next_faults(), Random(f"{seed} {len(rounds)}"), rounds)
        deployment.command("audit")
        deployment.command("rapport", "audit")
        _rebuild(deployment)
    finally:
        deployment.close()


def _rebuild(deployment: Deployment) -> None:
    """Compute anew what readers have kept, by the commands for it.

    Raises:
        AssertionError: it was otherwise before.
    """
    facts, contexts = deployment.facts.rows(), deployment.rapport.rows()
    deployment.command("insight", "rebuild")
    deployment.command("rapport", "rebuild", "--yes")
    if facts != deployment.facts.rows():
        raise AssertionError("the customer facts are not those of `signoff insight rebuild`")
    if contexts != deployment.rapport.rows():
        raise AssertionError("the contexts are not those of `signoff rapport rebuild`")


def _play_one(
    deployment: Deployment, faults: list[Fault], chance: Random, rounds: list[Round]
) -> None:
    names = " + ".join(fault.name for fault in faults)
    try:
        one = play(deployment, faults, chance, seconds=chance.uniform(*_LASTS))
    except NotHereError as reason:
        _say(f"left out: {names}: {reason}")
        return
    rounds.append(one)
    _say(
        f"{len(rounds):4} {names}: {one.events} events, {one.lost} lost, {one.doubled} doubled, "
        f"{one.named} named, {one.reconciled} reconciled, {one.spooled} spooled, "
        f"recovered in {one.recovery:.1f} s"
    )
    for finding in one.wrong[:20]:
        _say(f"     {finding}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    parser.add_argument(
        "--only", nargs="+", metavar="PART", default=[""], help="faults with this in their names"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
