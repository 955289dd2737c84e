"""What a signal handler may do."""

import threading
from _thread import start_new_thread


def set_from_handler(event: threading.Event) -> None:
    """Set an event, from a signal handler.

    A handler interrupts the main thread anywhere, also within `Event.wait`, which holds the event's
    lock now and then. There `Event.set` would wait for that lock for ever. So another thread does
    it. `threading.Thread` has such a lock of its own; this way of starting a thread has none.
    """
    start_new_thread(event.set, ())
