"""What a hook raises."""

from signoff_schemas import SignoffError


class HookError(SignoffError):
    """The command or webhook did not take the alert."""
