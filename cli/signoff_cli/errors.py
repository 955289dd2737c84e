"""What the command line itself raises."""

from signoff_schemas.errors import SignoffError


class UsageError(SignoffError):
    """The command was called in a way in which it cannot work."""


class WorkersEndedError(SignoffError):
    """The worker processes ended though nobody asked them to."""
