"""`signoff funnel`."""

from collections.abc import Sequence
from dataclasses import asdict

from signoff_cli.terminal import AsJson, show_json, show_table
from signoff_ops.funnel import funnel as funnel_of
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings
from signoff_ops.values import FunnelStep


def funnel(*, as_json: AsJson = False) -> None:
    """Show customers and their LTV by status."""
    steps = funnel_of(DirectServers(load_settings()))
    if as_json:
        show_json([asdict(step) for step in steps])
    else:
        show_funnel(steps)


def show_funnel(steps: Sequence[FunnelStep]) -> None:
    """Show the funnel as a table, with its sums."""
    rows: list[list[object]] = [[s.customer_status, s.customers, s.ltv_usd] for s in steps]
    total = ["total", sum(s.customers for s in steps), sum(s.ltv_usd for s in steps)]
    show_table(["status", "customers", "LTV in USD"], [*rows, total])
