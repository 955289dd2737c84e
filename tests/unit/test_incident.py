"""The traffic of `scripts/incident.py`."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from incident_events import FAULTS, OUTBOX_FAULTS
from incident_model import Incident, Planted, Trouble
from incident_traffic import DEATHS, LIVE, MINUTES, incident

from signoff_schemas import InvalidEvent, decode_job, parse_event
from signoff_schemas.fields import MAX_CLOCK_SKEW

START = datetime.now(UTC)
SEEDS = range(len(FAULTS))


def planted(of: Incident, trouble: Trouble) -> Planted:
    """One of the troubles."""
    (found,) = [one for one in of.planted if one.trouble is trouble]
    return found


def test_a_seed_gives_the_same_traffic_each_time() -> None:
    """Also the same times, ids and troubles; another seed gives other ones."""
    first = incident(7, 1000, START)
    assert first == incident(7, 1000, START)
    assert first != incident(8, 1000, START)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("events", [300, 3000])
def test_each_incident_has_all_troubles(seed: int, events: int) -> None:
    """The queue has the length that was asked for, and no job is on it twice."""
    made = incident(seed, events, START)
    assert len(made.backlog) == events
    sent = [*made.backlog, *(one for _, one in made.live)]
    assert len({one.job_id for one in sent}) == len(sent)
    assert {one.trouble for one in made.planted} == set(Trouble)
    assert all(one.apply or one.settle for one in made.planted)
    assert len(made.live) >= events * LIVE
    assert all(0 <= minute <= MINUTES for minute, _ in made.live)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_to_apply_is_sound_once_it_is_mended(seed: int) -> None:
    """What upstreams publish or write again keeps the contract, under the same ids."""
    made = incident(seed, 300, START)
    for event in (*made.mended, *made.outbox_mended):
        parse_event(event)
    again = {event["event_id"] for event in made.mended}
    assert again == set(map(str, planted(made, Trouble.BAD_RELEASE).apply))
    assert [event["event_id"] for event in made.outbox] == [
        event["event_id"] for event in made.outbox_mended
    ]
    for event in made.outbox:
        with pytest.raises(InvalidEvent):
            parse_event(event)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_bad_release_breaks_the_contract(seed: int) -> None:
    """All of its events, those that are mended later and those that are not, in one way."""
    made = incident(seed, 300, START)
    bad = planted(made, Trouble.BAD_RELEASE)
    ids = {*bad.apply, *(sent.event_id for sent in bad.settle)}
    causes = set()
    for sent in (*made.backlog, *(one for _, one in made.live)):
        if sent.event_id in ids:
            with pytest.raises(InvalidEvent) as refused:
                parse_event(decode_job(sent.data)[1])
            causes.add(refused.value.cause)
    assert len(causes) == 1


def test_events_of_the_slow_clock_are_refused_now_and_not_later() -> None:
    """They lie further ahead than the contract allows, by minutes."""
    made = incident(1, 300, START)
    ids = set(planted(made, Trouble.SLOW_CLOCK).apply)
    for sent in made.backlog:
        if sent.event_id in ids:
            event = json.loads(decode_job(sent.data)[1])
            ahead = datetime.fromisoformat(event["occurred_at"]) - START
            assert MAX_CLOCK_SKEW < ahead <= MAX_CLOCK_SKEW + timedelta(minutes=3)


def test_workers_died_with_some_events_and_some_ids_come_twice() -> None:
    """The first at the head of the queue; the second with an event that is there already."""
    made = incident(1, 300, START)
    crashed = set(planted(made, Trouble.CRASH_LOOP).apply)
    assert {sent.event_id for sent in made.backlog if sent.deaths == DEATHS} == crashed
    assert {sent.event_id for sent in made.backlog[: len(crashed)]} == crashed
    again = planted(made, Trouble.REUSED_IDS).settle
    assert {sent.event_id for sent in again} < set(made.sound)
    assert made.backlog[-len(again) :] == again


def test_faults_are_taken_in_turn() -> None:
    """Consecutive seeds have different faults."""
    told = {planted(incident(seed, 300, START), Trouble.BAD_RELEASE).what for seed in SEEDS}
    assert [sum(fault in what for what in told) for fault in FAULTS] == [1] * len(FAULTS)
    outboxes = {planted(incident(seed, 300, START), Trouble.OUTBOX).what for seed in (0, 1)}
    assert all(any(fault in what for what in outboxes) for fault in OUTBOX_FAULTS)
