"""Events of both kinds for tests, from a seed."""

import random
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from approvals import approval, decision

from signoff_schemas import CUSTOMER_STATUSES, AnyEvent


def mixed_events(
    chance: random.Random,
    count: int,
    first: datetime,
    last: datetime,
    *,
    grounds: Sequence[AnyEvent] = (),
    users: int = 3,
) -> list[AnyEvent]:
    """Events of both kinds of a few users between two instants, in any order.

    Some decisions rest on one of these events or of `grounds`, of this customer or of another.
    """
    ids = [UUID(int=chance.getrandbits(128)) for _ in range(count)]
    known = [*ids, *[event.event_id for event in grounds]]
    events: list[AnyEvent] = []
    for event_id in ids:
        at = first + (last - first) * chance.random()
        status = chance.choice([*CUSTOMER_STATUSES, None])
        if status and chance.random() < 0.5:
            ground = chance.choice(known)
            events.append(
                decision(
                    event_id=event_id,
                    occurred_at=at,
                    user_id=f"user-{chance.randrange(users)}",
                    customer_status=status,
                    rests_on=None if ground == event_id or chance.random() < 0.2 else ground,
                )
            )
        else:
            interaction = chance.randrange(2 * users)
            events.append(
                approval(
                    event_id=event_id,
                    occurred_at=at,
                    interaction_id=UUID(int=interaction + 1),
                    user_id=f"user-{interaction % users}",
                    customer_status=chance.choice([status, None]),
                    ltv_amount=chance.choice([None, None, "1.10"]),
                )
            )
    return events
