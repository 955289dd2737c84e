"""Databases with customers, which all tests of a process share: they only read them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from cdnow import cdnow_events
from ledgers_in_time import Held, applied_late, holding
from mixed_customers import mixed_customers


@pytest.fixture(scope="session")
def mixed(databases: Callable[[], AbstractContextManager[str]]) -> Iterator[Held]:
    """Customers to whom everything happens; many of their events were applied late."""
    events = mixed_customers()
    with databases() as url, holding(url, events, applied_late(events), "America/New_York") as held:
        yield held


@pytest.fixture(scope="session")
def cdnow(databases: Callable[[], AbstractContextManager[str]]) -> Iterator[Held]:
    """The CDNOW sample without its CHURNED events, which were made knowing what came later."""
    events = [event for event in cdnow_events() if event.customer_status != "CHURNED"]
    applied = {event.event_id: event.occurred_at + timedelta(minutes=1) for event in events}
    with databases() as url, holding(url, events, applied, "UTC") as held:
        yield held
