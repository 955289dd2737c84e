"""`signoff doctor`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import typer

from signoff_cli.terminal import AsJson, out, say, show_json
from signoff_ops.checks import Check, Grade
from signoff_ops.doctor import doctor as run_checks
from signoff_ops.servers import DirectServers
from signoff_ops.services import load_settings

_STYLES: Final = {Grade.OK: "green", Grade.WARN: "yellow", Grade.FAIL: "bold red"}


def doctor(*, as_json: AsJson = False) -> None:
    """Check servers and settings, and say what to change. Exit 1 if a check fails."""
    checks = list(run_checks(DirectServers(load_settings())))
    if as_json:
        show_json([asdict(check) for check in checks])
    else:
        _show(checks)
    if any(check.grade is Grade.FAIL for check in checks):
        raise typer.Exit(1)


def _show(checks: Sequence[Check]) -> None:
    for check in checks:
        out.print(f"{check.grade:<5}", style=_STYLES[check.grade], end="")
        say(f" {check.name}: {check.text}")
