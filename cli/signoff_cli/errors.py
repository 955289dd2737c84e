"""The errors of the command line."""

from signoff_schemas.errors import SignoffError


class UsageError(SignoffError):
    """The command was called with wrong arguments."""


class ProcessEndedError(SignoffError):
    """A process that a command runs ended by itself."""
