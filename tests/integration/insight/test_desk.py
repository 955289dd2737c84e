"""The desk: every number equals a plain computation over the reviews."""

import random
import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import psycopg
import pytest
from desk import BODY, post, servers_of, sql
from insight import cells, view

from signoff_db import migrate as migrations
from signoff_db.connection import connect
from signoff_insight.facts.state import reach_of
from signoff_insight.report import Asked, Report
from signoff_insight.views.registry import VIEWS
from signoff_ops import reviews

TAGS = ["CTA_SOFT", "TEXT_SPEAK", "TONE_CASUAL"]


@dataclass(frozen=True)
class Decided:
    """A review that was decided some time ago."""

    state: str
    reviewer: str
    received_at: datetime
    opened_at: datetime
    decided_at: datetime
    tags: list[str]

    @property
    def by_person(self) -> bool:
        """Whether it did not just expire."""
        return self.state != "expired"


def test_every_number_is_what_plain_python_computes(database_url: str) -> None:
    """Of 400 reviews of the last 60 days, with days on which nothing was decided."""
    now = datetime.now(UTC)
    decided = _some_reviews(400, now)
    _insert(database_url, decided)
    report = view(database_url, "desk")
    days = cells(report, "days", "day")
    first = min(one.decided_at for one in decided).date()
    assert list(days) == [first + timedelta(days=n) for n in range((now.date() - first).days + 1)]
    for day, row in days.items():
        of_day = [one for one in decided if one.decided_at.date() == day]
        counts = Counter(one.state for one in of_day)
        minutes = [_minutes(one.decided_at - one.received_at) for one in of_day if one.by_person]
        assert (row["approved"], row["rejected"], row["expired"]) == (
            counts["approved"],
            counts["rejected"],
            counts["expired"],
        )
        assert row["decided"] == counts["approved"] + counts["rejected"]
        assert row["median_minutes"] == (
            pytest.approx(_quantile(minutes, 0.5)) if minutes else None
        )
        assert row["p90_minutes"] == (pytest.approx(_quantile(minutes, 0.9)) if minutes else None)
        assert row["is_provisional"] is (day == now.date())
    _check_reviewers(report, decided)
    _check_edits(report, decided)


def _check_reviewers(report: Report, decided: list[Decided]) -> None:
    found = cells(report, "reviewers", "reviewer")
    assert set(found) == {one.reviewer for one in decided}
    for reviewer, row in found.items():
        own = [one for one in decided if one.reviewer == reviewer and one.by_person]
        rejected = sum(one.state == "rejected" for one in own)
        assert (row["decided"], row["rejected_share"]) == (len(own), rejected / len(own))
        median = statistics.median(_minutes(one.decided_at - one.opened_at) for one in own)
        assert row["median_minutes"] == pytest.approx(median)


def _check_edits(report: Report, decided: list[Decided]) -> None:
    approved = [one for one in decided if one.state == "approved"]
    counts = Counter(tag for one in approved for tag in one.tags)
    rows = report.table("edits").rows
    assert {row[0]: row[1:] for row in rows} == {
        tag: (count, count / len(approved)) for tag, count in counts.items()
    }
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)  # type: ignore[type-var]


def test_the_last_ninety_days_are_shown_unless_others_are_asked_for(database_url: str) -> None:
    """The day named as the end is not part of it."""
    today = datetime.now(UTC).date()
    old = today - timedelta(days=200)
    for day in (old, old + timedelta(days=3), today - timedelta(days=90), today):
        _insert(database_url, [_decided_on(day)])
    assert _days(view(database_url, "desk")) == {today: 1}
    asked = Asked(since=old, until=old + timedelta(days=3))
    assert _days(view(database_url, "desk", asked)) == {
        old: 1,
        old + timedelta(days=1): 0,
        old + timedelta(days=2): 0,
    }
    asked = Asked(until=old + timedelta(days=4))
    assert sum(_days(view(database_url, "desk", asked)).values()) == 2
    long_before = Asked(since=date(1600, 1, 1))
    days = _days(view(database_url, "desk", long_before))
    assert next(iter(days.items())) == (old, 1)
    assert sum(days.values()) == 4


def test_a_day_on_which_an_hour_comes_twice_has_both(database_url: str) -> None:
    """In Havana it was half past midnight twice on 2 November 2025, which began with the first."""
    decided = [
        datetime(2025, 11, 2, 3, 59, tzinfo=UTC),
        datetime(2025, 11, 2, 4, 30, tzinfo=UTC),
        datetime(2025, 11, 2, 5, 30, tzinfo=UTC),
        datetime(2025, 11, 3, 5, 0, tzinfo=UTC),
    ]
    _insert(database_url, [Decided("approved", "ann", at, at, at, []) for at in decided])
    asked = Asked(since=date(2025, 11, 1), until=date(2025, 11, 4))
    with connect(database_url) as connection:
        report = VIEWS["desk"].answer(connection, asked, reach_of(connection, "America/Havana"))
    assert list(_days(report).values()) == [1, 2, 1]


def test_what_waits_and_what_may_be_undone_is_read_from_the_desk(database_url: str) -> None:
    """One of three waiting reviews is in review; what was undone was never decided."""
    servers = servers_of(database_url, review_undo_seconds=60)
    first, *_ = [post(servers) for _ in range(4)]
    reviews.claim(servers, first, "ann")
    reviews.approve(servers, first, "ann", BODY | {"edit_tags": ["CTA_SOFT"]})
    held = reviews.claim(servers, None, "bob")
    assert held
    report = view(database_url, "desk")
    (now,) = report.table("now").records
    assert (now["waiting"], now["in_review"]) == (3, 1)
    assert 0 <= float(str(now["oldest_minutes"])) < 60
    assert [row[:2] for row in report.table("edits").rows] == [("CTA_SOFT", 1)]
    reviews.undo(servers, first, "ann")
    report = view(database_url, "desk")
    assert report.table("days").rows == report.table("edits").rows == ()
    assert next(report.table("now").records)["waiting"] == 4


def test_a_rejection_counts_though_another_draft_came(database_url: str) -> None:
    """Its minutes are those from when the draft of then came in."""
    servers = servers_of(database_url, review_undo_seconds=0)
    interaction = post(servers, draft_bubbles=["one"])
    reviews.claim(servers, interaction, "ann")
    reviews.reject(servers, interaction, "ann", "off topic")
    post(servers, interaction_id=interaction, draft_bubbles=["two"])
    _check_one_rejection(view(database_url, "desk"), approved=0)
    reviews.claim(servers, interaction, "ben")
    reviews.approve(servers, interaction, "ben", BODY)
    report = view(database_url, "desk")
    _check_one_rejection(report, approved=1)
    found = cells(report, "reviewers", "reviewer")
    assert {name: row["rejected_share"] for name, row in found.items()} == {"ann": 1, "ben": 0}


def test_a_draft_from_a_clock_that_is_ahead_waits_for_no_time(database_url: str) -> None:
    """An upstream that inserts the row may give its own time; no wait is less than nothing."""
    servers = servers_of(database_url, review_undo_seconds=0)
    first, _ = post(servers), post(servers)
    sql(database_url, "UPDATE signoff.reviews SET received_at = now() + interval '1 hour'")
    reviews.approve(servers, first, "ann", BODY)
    report = view(database_url, "desk")
    (day,) = report.table("days").records
    assert (day["median_minutes"], day["p90_minutes"]) == (0, 0)
    assert next(report.table("now").records)["oldest_minutes"] == 0


def test_decisions_of_before_have_the_time_of_their_draft(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another draft came since, it is not known."""
    names = migrations._names()
    with monkeypatch.context() as before:
        before.setattr(
            migrations, "_names", lambda: names[: names.index("0042.decisions_received")]
        )
        migrations.migrate(empty_database_url)
    sql(
        empty_database_url,
        """
        INSERT INTO signoff.reviews (interaction_id, user_id, received_at, state, decided_by,
            decided_at, reject_reason)
        VALUES
            (gen_random_uuid(), 'rejected', '2026-01-01 08:00Z', 'rejected', 'ann',
                '2026-01-01 09:00Z', 'no'),
            (gen_random_uuid(), 'came again', '2026-01-01 10:00Z', 'pending', NULL, NULL, NULL);
        INSERT INTO signoff.review_decisions (interaction_id, user_id, decision, reviewer,
            decided_at, final_at, reject_reason)
        SELECT interaction_id, user_id, 'rejected', 'ann', '2026-01-01 09:00Z', '2026-01-01 09:00Z',
            'no'
        FROM signoff.reviews
        """,
    )
    migrations.migrate(empty_database_url)
    asked = Asked(since=date(2026, 1, 1), until=date(2026, 1, 2))
    (day,) = view(empty_database_url, "desk", asked).table("days").records
    assert (day["rejected"], day["median_minutes"], day["p90_minutes"]) == (2, 60, 60)


def _check_one_rejection(report: Report, *, approved: int) -> None:
    (day,) = report.table("days").records
    assert (day["decided"], day["approved"], day["rejected"]) == (approved + 1, approved, 1)
    assert 0 < float(str(day["median_minutes"])) < 60


def test_without_reviews_nothing_waits(database_url: str) -> None:
    """No day is made up."""
    report = view(database_url, "desk")
    assert report.table("now").rows == ((0, None, 0),)
    assert {report.table(name).rows for name in ("days", "reviewers", "edits")} == {()}


def _some_reviews(count: int, now: datetime) -> list[Decided]:
    chance = random.Random(15)
    found = []
    for n in range(count):
        decided = now - timedelta(days=chance.choice([1, 2, 3, 30, 59]), minutes=n)
        opened = decided - timedelta(minutes=chance.randint(1, 30))
        received = opened - timedelta(minutes=chance.randint(0, 500))
        state = chance.choice(["approved", "approved", "rejected", "expired"])
        reviewer = f"reviewer-{chance.randint(1, 4)}"
        tags = chance.sample(TAGS, chance.randint(0, 3))
        found.append(Decided(state, reviewer, received, opened, decided, tags))
    return found


def _decided_on(day: date) -> Decided:
    at = datetime.combine(day, time.min, UTC)
    return Decided("approved", "ann", at, at, at, [])


def _insert(database_url: str, decided: list[Decided]) -> None:
    """As the desk leaves them behind."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for one in decided:
            for table, columns in _rows(one).items():
                names, marks = ", ".join(columns), ", ".join(f"%({name})s" for name in columns)
                statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
                connection.execute(statement.encode(), columns)


def _rows(one: Decided) -> dict[str, dict[str, object]]:
    """The columns of its row in each table."""
    reviewer = one.reviewer if one.by_person else None
    event_id = uuid4() if one.state == "approved" else None
    shared = {
        "interaction_id": uuid4(),
        "user_id": "user-1",
        "received_at": one.received_at,
        "opened_at": one.opened_at,
        "decided_at": one.decided_at,
        "event_id": event_id,
        "reject_reason": "no" if one.state == "rejected" else None,
    }
    review = {"state": one.state, "decided_by": reviewer}
    event = _event(one) if event_id else None
    decision = {"decision": one.state, "reviewer": reviewer, "event": event}
    return {
        "reviews": shared | review,
        "review_decisions": shared | decision | {"final_at": one.decided_at},
    }


def _event(one: Decided) -> str:
    tags = ", ".join(f'"{tag}"' for tag in one.tags)
    return f'{{"final_bubbles": ["\\"edit_tags\\": [\\"CTA_DIRECT\\"]"], "edit_tags": [{tags}]}}'


def _days(report: Report) -> dict[object, int]:
    return {row["day"]: int(str(row["decided"])) for row in report.table("days").records}


def _minutes(duration: timedelta) -> float:
    return duration.total_seconds() / 60


def _quantile(values: list[float], share: float) -> float:
    """Between the two nearest values, in proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
