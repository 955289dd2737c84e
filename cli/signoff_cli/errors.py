"""What the command line itself raises."""

from signoff_schemas.errors import SignoffError


class UsageError(SignoffError):
    """The command was called in a way in which it cannot work."""


class RedisUnavailableError(SignoffError):
    """Redis cannot be reached, or refused a command."""


class OutboxError(SignoffError):
    """The outbox is not the table that it has to be."""


class ServerEndedError(SignoffError):
    """A server that `signoff up` runs has stopped answering."""


class WorkersEndedError(SignoffError):
    """The worker processes ended though nobody asked them to."""
