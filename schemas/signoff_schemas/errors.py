"""The root of every error that Signoff raises on purpose."""


class SignoffError(Exception):
    """An error that a user can understand and fix; its text says what is wrong and what to do."""


class SettingsError(SignoffError):
    """A setting holds a value that Signoff cannot work with, or is missing."""
