"""What operators did: who, what, when, why."""

from signoff_db.history.actions import (
    MOST_CHARACTERS,
    MOST_LETTERS,
    ActionFilter,
    NotedAction,
    actions_page,
)
from signoff_db.operator_actions import Action
from signoff_db.pages import Page
from signoff_ops.servers import Servers

__all__ = ["MOST_CHARACTERS", "MOST_LETTERS", "Action", "ActionFilter", "NotedAction", "actions"]


def actions(
    servers: Servers,
    wanted: ActionFilter,
    *,
    limit: int = 50,
    cursor: str | None = None,
    characters: int = MOST_CHARACTERS,
) -> Page[NotedAction]:
    """A page of what operators did, the newest first; of details, so many characters.

    Raises:
        CursorError: the cursor is none that this list gave.
        DatabaseUnavailableError: Postgres is unavailable.
    """
    with servers.database() as connection:
        return actions_page(connection, wanted, limit=limit, cursor=cursor, characters=characters)
