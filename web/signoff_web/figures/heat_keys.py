"""The legend of a heat map."""

from collections.abc import Callable, Sequence

from signoff_web.charts.heat import LEVELS, HeatRow, highest_of
from signoff_web.charts.marks import Key


def heat_keys(
    rows: Sequence[HeatRow], say: Callable[[float], str], *, aside: int = 0
) -> tuple[Key, ...]:
    """From the lightest to the darkest look, and what was not observed yet."""
    highest = highest_of(rows, aside)
    ages = max((len(row.cells) for row in rows), default=0)
    missing = any(len(row.cells) < ages or None in row.cells for row in rows)
    keys = (
        (
            Key(f"up to {say(highest / LEVELS)}", "heat-1"),
            Key(f"about {say(highest / 2)}", f"heat-{(LEVELS + 1) // 2}"),
            Key(f"up to {say(highest)}", f"heat-{LEVELS}"),
        )
        if highest
        else ()
    )
    return (*keys, *((Key("not observed yet", "not-yet", "hatch"),) if missing else ()))
