"""The exit code of a command that Ctrl-C ended."""

from typing import Final

INTERRUPTED: Final = 130
"""As shells have it: 128, and the number of SIGINT."""
