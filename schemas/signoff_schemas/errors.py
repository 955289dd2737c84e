"""The root of every error that Signoff raises on purpose."""


class SignoffError(Exception):
    """Something a user can understand and mend; its text says what and how."""


class SettingsError(SignoffError):
    """A setting holds a value that Signoff cannot work with, or is missing."""
