"""What the embedded servers raise."""

from signoff_schemas.errors import SignoffError


class EmbeddedError(SignoffError):
    """An embedded server cannot start; the text says what was found and what to do."""
