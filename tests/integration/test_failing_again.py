"""A job that fails again is the same dead letter, with both times."""

from approvals import approval, delivery
from letters import letters_in

from signoff_db.apply import apply
from signoff_db.connection import BatchConnection


def test_a_letter_that_fails_again_holds_both_times(connection: BatchConnection) -> None:
    """The first time is kept, the last one is updated, and the attempts are added."""
    again = delivery(approval(user_id=None))
    apply(connection, [again])
    (before,) = letters_in(connection)

    apply(connection, [again])

    (after,) = letters_in(connection)
    assert (after.id, after.attempts) == (before.id, before.attempts * 2)
    assert after.first_failed_at == before.first_failed_at == before.last_failed_at
    assert after.last_failed_at > before.last_failed_at
