"""Alerts of dead letters: each cause once, several in one alert, and again after it was settled."""

from approvals import apply_events, approval
from letters import chosen

from signoff_db.alerts import News, alone, news, remember
from signoff_db.connection import BatchConnection, connect
from signoff_db.discard import discard


def unknown_interactions(connection: BatchConnection, count: int = 1) -> None:
    """Dead letters of one cause, since their interaction is unknown."""
    apply_events(connection, *(approval(n, user_id=None) for n in range(count)))


def mismatch(connection: BatchConnection) -> None:
    """A dead letter of another cause."""
    first = approval()
    second = approval(1, interaction_id=first.interaction_id, user_id="another")
    apply_events(connection, first)
    apply_events(connection, second)


def settle(connection: BatchConnection) -> None:
    """Discard all open letters."""
    discard(connection, chosen(connection), actor="op", reason="test data")


def later(connection: BatchConnection, age: str) -> None:
    """Make the last alert this much older."""
    connection.execute("UPDATE alerts SET alerted_at = alerted_at - %s::interval", [age])


def sent_news(connection: BatchConnection, *, limit: int = 1000) -> News | None:
    """The content of an alert now; it is then noted as sent."""
    found = news(connection, limit=limit)
    if found:
        remember(connection, found)
    return found


def kinds(found: News | None) -> list[str]:
    """The kinds of the new causes."""
    return [cause.kind for cause in found.causes] if found else []


def test_without_dead_letters_there_is_no_alert(connection: BatchConnection) -> None:
    """Applied events cause no alert."""
    apply_events(connection, approval())

    assert sent_news(connection, limit=0) is None


def test_a_new_cause_is_alerted_once(connection: BatchConnection) -> None:
    """More letters of the same cause cause no alert; a letter of another cause does."""
    unknown_interactions(connection, 2)
    first = sent_news(connection)
    assert first
    assert [(c.kind, c.count) for c in first.causes] == [("unknown_interaction", 2)]
    later(connection, "2 minutes")
    unknown_interactions(connection)
    assert sent_news(connection) is None

    mismatch(connection)

    assert kinds(sent_news(connection)) == ["user_mismatch"]


def test_causes_within_a_minute_are_in_one_alert(connection: BatchConnection) -> None:
    """It is in the next alert, a minute after the last one at the earliest."""
    unknown_interactions(connection)
    assert sent_news(connection)
    mismatch(connection)
    assert sent_news(connection) is None

    later(connection, "61 seconds")

    assert kinds(sent_news(connection)) == ["user_mismatch"]


def test_a_cause_that_comes_again_is_alerted_again(connection: BatchConnection) -> None:
    """If it was settled in between, but not within the hour."""
    unknown_interactions(connection)
    assert sent_news(connection)
    settle(connection)
    later(connection, "30 minutes")
    assert sent_news(connection) is None
    unknown_interactions(connection)
    assert sent_news(connection) is None
    settle(connection)
    later(connection, "31 minutes")
    assert sent_news(connection) is None

    unknown_interactions(connection)

    assert kinds(sent_news(connection)) == ["unknown_interaction"]


def test_too_many_dead_letters_are_alerted_once(connection: BatchConnection) -> None:
    """When the limit is exceeded; again only after the number has fallen to half of it."""
    unknown_interactions(connection, 4)
    first = sent_news(connection, limit=4)
    assert first
    assert not first.limit_passed
    unknown_interactions(connection)
    later(connection, "2 hours")
    second = sent_news(connection, limit=4)
    assert second
    assert (second.limit_passed, second.dead, second.causes) == (True, 5, ())
    later(connection, "2 hours")
    discard(connection, chosen(connection, 2), actor="op", reason="r")
    assert sent_news(connection, limit=4) is None
    unknown_interactions(connection, 2)
    assert sent_news(connection, limit=4) is None

    discard(connection, chosen(connection, 3), actor="op", reason="r")
    assert sent_news(connection, limit=4) is None
    unknown_interactions(connection, 3)

    third = sent_news(connection, limit=4)
    assert third
    assert third.limit_passed


def test_one_at_a_time_sends_alerts(connection: BatchConnection, database_url: str) -> None:
    """Only one of several instances sends alerts; when it has ended, another one does."""
    with connect(database_url) as other:
        with alone(connection) as first, alone(other) as second:
            assert (first, second) == (True, False)
        with alone(other) as second:
            assert second
