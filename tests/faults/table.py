"""The results of a run, by fault."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median

from faults.rounds import Round


@dataclass(frozen=True)
class Line:
    """The results of one fault in all its rounds."""

    fault: str
    times: int
    together: int
    """In how many of these rounds another fault happened as well."""
    events: int
    lost: int
    doubled: int
    wrong: int
    named: int
    """Events that were removed by design, found missing, and published again."""
    reconciled: int
    """Of these, events of the outbox, which `signoff reconcile` published again."""
    recovery: float
    """Seconds, the median."""
    slowest: float
    """Seconds, the longest."""


def lines(rounds: Iterable[Round]) -> list[Line]:
    """One line a fault, in the order in which they are declared by name."""
    by_fault: dict[str, list[Round]] = {}
    for one in rounds:
        for fault in one.faults:
            by_fault.setdefault(fault, []).append(one)
    return [_line(fault, of) for fault, of in sorted(by_fault.items())]


def as_markdown(rounds: Iterable[Round]) -> str:
    """The table as docs/reliability.md holds it."""
    rows = [
        "| fault | times (paired) | events | lost | doubled | recovery: median (slowest), s |",
        "|---|--:|--:|--:|--:|--:|",
        *map(_row, lines(rounds)),
    ]
    return "\n".join(rows)


def as_json(seed: int, rounds: list[Round]) -> str:
    """All of it, for machines."""
    return json.dumps(
        {
            "seed": seed,
            "good": all(one.good for one in rounds),
            "faults": [asdict(one) for one in lines(rounds)],
            "rounds": [asdict(one) for one in rounds],
        },
        indent=2,
    )


def _line(fault: str, of: list[Round]) -> Line:
    return Line(
        fault=fault,
        times=len(of),
        together=sum(len(one.faults) > 1 for one in of),
        events=sum(one.events for one in of),
        lost=sum(one.lost for one in of),
        doubled=sum(one.doubled for one in of),
        wrong=sum(len(one.wrong) for one in of),
        named=sum(one.named for one in of),
        reconciled=sum(one.reconciled for one in of),
        recovery=median(one.recovery for one in of),
        slowest=max(one.recovery for one in of),
    )


def _row(line: Line) -> str:
    taken = {"named": line.named, "reconciled": line.reconciled}
    notes = ", ".join(f"{count:,} {word}" for word, count in taken.items() if count)
    cells = [
        line.fault,
        f"{line.times} ({line.together})",
        f"{line.events:,}",
        f"{line.lost} ({notes})" if notes else line.lost,
        line.doubled,
        f"{line.recovery:.1f} ({line.slowest:.1f})",
    ]
    return f"| {' | '.join(map(str, cells))} |"
