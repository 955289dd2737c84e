"""An operation acts on a fixed set of dead letters, and is started once."""

import re
from uuid import uuid4

import pytest
from approvals import apply_events, approval
from desk import servers_of, sql
from letters import bury, chosen

from signoff_db.connection import BatchConnection
from signoff_db.discard import discard
from signoff_db.operations import starting
from signoff_db.operator_actions import Action
from signoff_db.selection import Selection
from signoff_ops.operating import Operator
from signoff_ops.operation_text import selection_text
from signoff_ops.operations import (
    KeyUsedError,
    NoSuchOperationError,
    NothingMatchesError,
    OperationAction,
    OperationEndedError,
    OperationState,
    TooManyOperationsError,
    WrongOperationError,
    cancel_operation,
    operation,
    operations_page,
    start_from,
    start_operation,
)
from signoff_ops.servers import Servers
from signoff_schemas import FailureKind

ANN = Operator("ann")
DRY = Operator("ann", dry_run=True)
REPLAY, DISCARD = OperationAction.REPLAY, OperationAction.DISCARD
ALL = Selection()


@pytest.fixture
def servers(database_url: str) -> Servers:
    """Connections as a command opens them."""
    return servers_of(database_url)


def set_of(connection: BatchConnection, operation_id: int) -> list[int]:
    """The letters of an operation, in the order in which they are tried."""
    rows = connection.execute(
        "SELECT letter_id FROM operation_letters WHERE operation_id = %s ORDER BY place",
        [operation_id],
    )
    return [row[0] for row in rows]


def test_the_recorded_actions_are_those_that_the_table_takes(connection: BatchConnection) -> None:
    """The CHECK of `operator_actions` and the enum name the same actions."""
    row = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = 'operator_actions_action_known'"
    ).fetchone()
    assert row
    assert set(re.findall(r"'(\w+)'", row[0])) == {str(action) for action in Action}


def test_the_set_is_fixed_when_an_operation_is_started(
    connection: BatchConnection, servers: Servers
) -> None:
    """Letters that are written later, or are settled already, are not in it."""
    bury(connection, *(approval() for _ in range(4)))
    first, *others = chosen(connection)
    discard(connection, [first], actor="op", reason="r")

    started = start_operation(servers, ALL, DRY, REPLAY)
    bury(connection, approval())

    assert set_of(connection, started.id) == others
    assert (started.letters, started.tried, started.state) == (3, 0, OperationState.WAITING)
    assert operation(servers, started.id) == started


def test_a_limit_takes_the_oldest(connection: BatchConnection, servers: Servers) -> None:
    """The oldest letters of the selection are taken, and no more than the limit."""
    bury(connection, *(approval() for _ in range(5)))

    started = start_operation(servers, ALL, ANN, REPLAY, limit=2)

    assert set_of(connection, started.id) == chosen(connection)[:2]


def test_an_operation_on_nothing_is_refused(connection: BatchConnection, servers: Servers) -> None:
    """If no letter matches, there is no operation."""
    bury(connection, approval())
    with pytest.raises(NothingMatchesError):
        start_operation(servers, Selection(kinds=(FailureKind.LTV_OVERFLOW,)), ANN, REPLAY)
    assert operations_page(servers).items == ()


def test_letters_that_affect_each_other_are_neighbours(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """Letters of one customer, one interaction or one event are one group, in order of age.

    The customer of an interaction is the one in Postgres, else the one that another letter names.
    """
    known, new, event = approval(user_id="ann"), uuid4(), uuid4()
    apply_events(connection, known)
    bury(connection, approval(user_id="bob"))  # 0
    bury(connection, approval(user_id="ann"))  # 1
    bury(connection, approval(interaction_id=new, user_id=None))  # 2
    bury(connection, approval(interaction_id=known.interaction_id, user_id=None))  # 3
    bury(connection, approval(user_id="bob"))  # 4
    bury(connection, approval(interaction_id=new, user_id="eve"))  # 5
    bury(connection, approval(user_id="eve", event_id=event))  # 6
    bury(connection, approval(user_id="bob", event_id=event))  # 7
    letters = chosen(connection)

    started = start_operation(servers, ALL, DRY, REPLAY)

    order = [letters.index(letter) for letter in set_of(connection, started.id)]
    assert order == [0, 2, 4, 5, 6, 7, 1, 3]
    groups = sql(database_url, "SELECT DISTINCT group_id FROM operation_letters ORDER BY 1")
    assert [letters.index(group) for (group,) in groups] == [0, 1]


def test_the_rest_leaves_out_what_is_settled(connection: BatchConnection, servers: Servers) -> None:
    """Another operation may take the same letters: those of them that are still dead."""
    bury(connection, *(approval() for _ in range(4)))
    letters = chosen(connection)
    dry = start_operation(servers, ALL, DRY, REPLAY)
    bury(connection, approval())
    discard(connection, letters[1:2], actor="op", reason="r")

    first = start_from(servers, dry.id, ANN, limit=2)
    rest = start_from(servers, dry.id, ANN, rate=5.0)

    assert set_of(connection, first.id) == [letters[0], letters[2]]
    assert set_of(connection, rest.id) == [letters[0], *letters[2:]]
    assert (rest.of_operation, rest.action, rest.dry_run, rest.rate) == (dry.id, REPLAY, False, 5.0)
    discard(connection, letters, actor="op", reason="r")
    with pytest.raises(NothingMatchesError):
        start_from(servers, dry.id, ANN)
    with pytest.raises(NoSuchOperationError):
        start_from(servers, rest.id + 100, ANN)


def test_a_repeated_request_starts_nothing(connection: BatchConnection, servers: Servers) -> None:
    """The same request with the same key is answered with the operation that it started."""
    bury(connection, approval())
    key = uuid4()
    once = start_operation(servers, ALL, ANN, REPLAY, request_key=key)
    again = start_operation(servers, ALL, ANN, REPLAY, request_key=key)

    assert again == once
    assert len(operations_page(servers).items) == 1
    for other in (Operator("bob"), Operator("ann", "a reason"), DRY):
        with pytest.raises(KeyUsedError, match=str(key)):
            start_operation(servers, ALL, other, REPLAY, request_key=key)


def test_a_discard_wants_a_reason(connection: BatchConnection, servers: Servers) -> None:
    """Also a blank one is none, and one that is too long is refused."""
    bury(connection, approval())
    for reason in (None, "  ", "r" * 2001):
        with pytest.raises(WrongOperationError, match="reason"):
            start_operation(servers, ALL, Operator("ann", reason), DISCARD)
    for wrong in ({"rate": 0.0}, {"rate": float("nan")}, {"limit": 0}):
        with pytest.raises(WrongOperationError):
            start_operation(servers, ALL, ANN, REPLAY, **wrong)
    assert start_operation(servers, ALL, Operator("ann", " late "), DISCARD).reason == "late"


def test_operations_are_listed_the_newest_first(
    connection: BatchConnection, servers: Servers
) -> None:
    """A list is pages with cursors, of all operations or of one kind of action."""
    bury(connection, approval())
    ids = [start_operation(servers, ALL, DRY, REPLAY).id for _ in range(3)]
    gone = start_operation(servers, ALL, Operator("ann", "r"), DISCARD)

    page = operations_page(servers, limit=2)
    rest = operations_page(servers, limit=2, cursor=page.next)

    assert [one.id for one in (*page.items, *rest.items)] == [gone.id, *ids[::-1]]
    assert rest.next is None
    assert [one.id for one in operations_page(servers, action=DISCARD).items] == [gone.id]
    assert operation(servers, gone.id + 1) is None


def test_what_was_chosen_is_kept_to_be_shown(connection: BatchConnection, servers: Servers) -> None:
    """The conditions that were given are kept; of many ids, the first hundred and their number."""
    bury(connection, approval(user_id="ann"))
    (letter,) = chosen(connection)
    selection = Selection(kinds=(FailureKind.ABANDONED,), user_id="ann")
    many = Selection(ids=tuple(range(letter, letter + 150)))

    assert start_operation(servers, selection, DRY, REPLAY).selection == {
        "kinds": ["abandoned"],
        "user_id": "ann",
    }
    shown = start_operation(servers, many, DRY, REPLAY).selection
    assert (shown["ids"], shown["more_ids"]) == (list(range(letter, letter + 100)), 50)
    assert start_operation(servers, ALL, DRY, REPLAY).selection == {}


def test_an_operation_is_cancelled_once(
    connection: BatchConnection, servers: Servers, database_url: str
) -> None:
    """It ends, who did it is recorded, and there is nothing to cancel after that."""
    bury(connection, approval())
    started = start_operation(servers, ALL, ANN, REPLAY)

    cancelled = cancel_operation(servers, started.id, "bob")

    assert cancelled.state is OperationState.CANCELLED
    assert cancelled.ended_at is not None
    recorded = sql(database_url, "SELECT actor, action, before->'operation' FROM operator_actions")
    assert recorded == [("bob", "cancel_operation", started.id)]
    with pytest.raises(OperationEndedError, match="cancelled"):
        cancel_operation(servers, started.id, "bob")
    with pytest.raises(NoSuchOperationError):
        cancel_operation(servers, started.id + 1, "bob")


def test_a_key_belongs_to_all_the_ids_of_its_request(
    connection: BatchConnection, servers: Servers
) -> None:
    """Also where they are more than are kept to be shown."""
    bury(connection, approval())
    (letter,) = chosen(connection)
    ids = range(letter, letter + 150)
    key = uuid4()
    first = start_operation(servers, Selection(ids=tuple(ids)), DRY, REPLAY, request_key=key)

    again = start_operation(servers, Selection(ids=tuple(ids)), DRY, REPLAY, request_key=key)
    assert again.id == first.id
    others = Selection(ids=(*ids[:-1], letter + 500))
    with pytest.raises(KeyUsedError):
        start_operation(servers, others, DRY, REPLAY, request_key=key)
    assert "digest" not in selection_text(first.selection)


def test_only_so_many_operations_wait_or_run(
    connection: BatchConnection, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script cannot start operations without end; those that have ended do not count."""
    monkeypatch.setattr(starting, "_MOST_OPEN", 2)
    bury(connection, approval())
    first, second = (start_operation(servers, ALL, DRY, REPLAY) for _ in range(2))

    with pytest.raises(TooManyOperationsError, match="2 operations wait or run already"):
        start_operation(servers, ALL, DRY, REPLAY)
    with pytest.raises(TooManyOperationsError):
        start_from(servers, first.id, DRY)
    cancel_operation(servers, second.id, "ann")
    assert start_operation(servers, ALL, DRY, REPLAY).state is OperationState.WAITING
