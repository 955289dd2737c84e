"""How long a page waits before it shows less, raised for tests.

A page gives up a count or a search after some tenths of a second, and says that it did. On a busy
machine any statement may take as long, and a test would see that other page. Tests of what is shown
then give a shorter time themselves.
"""

from importlib import import_module
from typing import Final

from processes import DEADLINE

_BOUNDS: Final = {
    "signoff_ops.causes": ("_SETTLED_SECONDS",),
    "signoff_ops.dead_letters": (
        "_COUNT_SECONDS",
        "_FIND_SECONDS",
        "_PREVIEW_SECONDS",
        "_SEARCH_SECONDS",
    ),
    "signoff_ops.insight_figures": ("_SECONDS",),
    "signoff_ops.operations": ("_COUNT_SECONDS",),
}
"""Modules, and their names for seconds."""


def raise_bounds() -> None:
    """Let pages wait as long as tests do, in this process and those that it forks."""
    for name, bounds in _BOUNDS.items():
        module = import_module(name)
        for bound in bounds:
            if not isinstance(getattr(module, bound), float):
                raise TypeError(f"{name}.{bound} is no number of seconds")
            setattr(module, bound, DEADLINE)
