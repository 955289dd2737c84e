"""The error of a hook."""

from signoff_schemas import SignoffError


class HookError(SignoffError):
    """The command or webhook failed to take the alert."""
