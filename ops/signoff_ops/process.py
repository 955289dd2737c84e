"""Settings of a whole process, for a front end whose process runs one use case and ends.

A service that does many things at once must not call these.
"""

from signoff_schemas import Settings
from signoff_worker import logs
from signoff_worker.interpreter import spend_time_on_events

__all__ = ["log_to_stderr", "spend_time_on_events"]


def log_to_stderr(settings: Settings) -> None:
    """Send Signoff's log lines to standard error, as the settings want them."""
    logs.configure(settings.log_format, settings.log_level)
