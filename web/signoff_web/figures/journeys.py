"""Figures of journeys: moves between statuses, and where customers are now."""

from collections.abc import Sequence
from typing import Final

from signoff_ops.insight import Report
from signoff_schemas import CUSTOMER_STATUSES
from signoff_web.charts import words
from signoff_web.charts.marks import Drawing, Key, Size
from signoff_web.charts.rows import Row, bars
from signoff_web.charts.sankey import Flow, sankey
from signoff_web.figures.figure import Figure, Record, figure, known, text

_LOST: Final = frozenset({"CHURNED", "LEAD_EXHAUSTED"})
_PEOPLE: Final = {
    "PROSPECT": "prospects",
    "LEAD_QUALIFIED": "qualified leads",
    "CUSTOMER": "customers",
}
"""Who can be lost."""
_KEYS: Final = {
    "flow-path": Key("along the funnel", "flow flow-path"),
    "flow-lost": Key("lost: churned, or lead exhausted", "flow flow-lost"),
    "flow-back": Key("reactivated: came back after being lost", "flow flow-back"),
    "flow-other": Key("another way", "flow flow-other"),
}


def figures(report: Report) -> Sequence[Figure]:
    """The moves, then where customers are now."""
    moves = [one for one in report.table("moves").records if known(one, "moves")]
    now = list(report.table("now").records)
    found = [moves_figure(moves)] if moves else []
    return [*found, now_figure(now)] if now else found


def moves_figure(moves: Sequence[Record]) -> Figure:
    """A Sankey diagram: from which status, to which one."""
    looks = {_look(one) for one in moves}
    return figure(
        "moves",
        _message(moves),
        "Flows from statuses on the left to statuses on the right; the higher a flow, the more "
        "moves. Reactivations have a dashed edge. The table Moves has the same numbers.",
        lambda size: _sankey(moves, size),
        keys=tuple(key for look, key in _KEYS.items() if look in looks),
        caption="Moves from one status to the next; a customer may make several",
    )


def now_figure(now: Sequence[Record], *, is_small: bool = False) -> Figure:
    """Customers by the status that they have now."""
    total = sum(known(one, "customers") for one in now)
    return figure(
        "now",
        f"{words.counted(total, 'customer')} {'is' if total == 1 else 'are'} known now",
        "A bar for each status: its length is the number of customers who have it now. "
        "The table of customers by status has the same numbers.",
        lambda size: bars(size, [_row(one, total) for one in now]),
        caption="Customers by status, with their LTV",
        is_small=is_small,
    )


def _message(moves: Sequence[Record]) -> str:
    back = sum(known(one, "moves") for one in moves if one["is_reactivation"])
    came = "1 move brings one back" if back == 1 else f"{words.count(back)} moves bring one back"
    return f"{_losses(moves)}; {came if back else 'no move brings one back'}"


def _losses(moves: Sequence[Record]) -> str:
    """From which status most are lost, and where they go."""
    lost = [one for one in moves if one["to_status"] in _LOST and one["from_status"] not in _LOST]
    if not lost:
        return f"None of {words.count(_sum(moves))} moves loses a customer or lead"
    out_of = {source: [one for one in lost if one["from_status"] == source] for source in _PEOPLE}
    source = max(out_of, key=lambda one: _sum(out_of[one]))
    first, *others = sorted(out_of[source], key=lambda one: -known(one, "moves"))
    said = "1 move" if known(first, "moves") == 1 else f"{words.count(known(first, 'moves'))} moves"
    ways = [f"{said} to {_target(first)}"]
    ways += [f"{words.count(known(one, 'moves'))} to {_target(one)}" for one in others]
    total = words.count(_sum(lost))
    return f"Most are lost as {_PEOPLE[source]}: {' and '.join(ways)}, of {total} losses in all"


def _sum(moves: Sequence[Record]) -> float:
    return sum(known(one, "moves") for one in moves)


def _target(one: Record) -> str:
    return words.status(text(one, "to_status")).lower()


def _look(one: Record) -> str:
    if one["is_reactivation"]:
        return "flow-back"
    if one["to_status"] in _LOST:
        return "flow-lost"
    before, after = (CUSTOMER_STATUSES.index(text(one, f"{end}_status")) for end in ("from", "to"))
    return "flow-path" if before < after else "flow-other"


def _sankey(moves: Sequence[Record], size: Size) -> Drawing:
    flows = [_flow(one) for one in moves]
    room = Size(size.width, 400 if size.is_narrow else 440)
    return sankey(room, flows, CUSTOMER_STATUSES, _said, heads=("From", "To"))


def _said(status: str, moves: float) -> tuple[str, str]:
    return words.status(status), words.count(moves)


def _flow(one: Record) -> Flow:
    source, target, moves = text(one, "from_status"), text(one, "to_status"), known(one, "moves")
    came_back = "reactivated, " if one["is_reactivation"] else ""
    return Flow(
        source,
        target,
        moves,
        _look(one),
        f"{came_back}{words.count(moves)}",
        f"{words.status(source)} to {words.status(target).lower()}: {came_back}"
        f"{words.counted(moves, 'move')} of {words.counted(known(one, 'customers'), 'customer')}, "
        f"{words.percent(known(one, 'share'))} of all moves out of it",
        is_named=bool(one["is_reactivation"]),
    )


def _row(one: Record, total: float) -> Row:
    customers = known(one, "customers")
    ltv = words.usd(known(one, "ltv_usd"))
    share = f", {words.percent(customers / total)}" if total else ""
    return Row(
        words.status(text(one, "status")),
        customers,
        words.count(customers),
        ltv,
        look="1" if one["status"] == "CUSTOMER" else "3",
        tip=f"{words.counted(customers, 'customer')}{share}, LTV {ltv}",
    )
