"""What the upstreams of `scripts/incident.py` do while workers are slow."""

from datetime import UTC, datetime

import redis
from incident_traffic import incident
from incident_upstreams import Upstreams
from processes import KEYS, eventually

from signoff_ops.outbox import create_outbox
from signoff_ops.servers import DirectServers
from signoff_schemas import Settings
from signoff_schemas.keys import JOB_PREFIX

QUICK = 0.01
"""Seconds of a minute."""


def test_mended_events_wait_until_the_bad_ones_are_off_the_queue(
    redis_url: str, database_url: str
) -> None:
    """The queue takes no other content under an id that waits there; it is published again."""
    create_outbox(database_url)
    settings = Settings.load(
        redis_url=redis_url, database_url=database_url, outbox_url=database_url
    )
    made = incident(1, 100, datetime.now(UTC))
    upstreams = Upstreams(DirectServers(settings), made, minute=QUICK)
    upstreams.begin()

    def is_done() -> bool:
        upstreams.act()
        return upstreams.done

    with redis.Redis.from_url(redis_url) as client:
        sent = len(made.backlog) + len(made.live)
        eventually(
            lambda: not is_done() and client.llen(KEYS.waiting) == sent,
            what="they send all, and have tried to publish again",
        )
        client.flushall()  # as workers would take all that waits
        eventually(is_done, what="they publish again")
        for event in made.mended:
            assert client.exists(JOB_PREFIX + event["event_id"]), event
