"""The parameters that choose dead letters."""

from typing import Annotated, TypeAlias
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AfterValidator

from signoff_ops.values import LONGEST_TEXT, Selection
from signoff_schemas import DeadLetterState, FailureKind
from signoff_schemas.kinds import EventType
from signoff_web.api.encoded import text as storable
from signoff_web.api.instants import Moment

Kinds = Annotated[list[FailureKind] | None, Query(description="Repeatable.")]
Since = Annotated[Moment | None, Query(description="Last failed at this instant or later.")]
Until = Annotated[Moment | None, Query(description="Last failed before this instant.")]
_STORABLE = AfterValidator(lambda value: value if value is None else storable(value))


def _chosen(  # noqa: PLR0913 -- one argument a filter
    *,
    kind: Kinds = None,
    fingerprint: Annotated[
        str | None, Query(max_length=200, description="Of one cause."), _STORABLE
    ] = None,
    event_type: Annotated[EventType | None, Query(description="Of one kind of event.")] = None,
    event_id: Annotated[UUID | None, Query(description="Of one event.")] = None,
    job_id: Annotated[
        str | None, Query(max_length=1000, description="Of one job."), _STORABLE
    ] = None,
    user_id: Annotated[
        str | None, Query(max_length=1000, description="Of one customer."), _STORABLE
    ] = None,
    interaction_id: Annotated[UUID | None, Query(description="Of one interaction.")] = None,
    text: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=LONGEST_TEXT,
            description="Contained in the message, in any case, or in the payload, byte for byte.",
        ),
        _STORABLE,
    ] = None,
    since: Since = None,
    until: Until = None,
    state: Annotated[
        list[DeadLetterState] | None, Query(description="Repeatable; `dead` if none is given.")
    ] = None,
) -> Selection:
    """The letters that match all that is given."""
    return Selection(
        kinds=tuple(kind or ()),
        fingerprint=fingerprint,
        event_type=event_type,
        event_id=event_id,
        job_id=job_id,
        user_id=user_id,
        interaction_id=interaction_id,
        text=text,
        since=since,
        until=until,
        states=tuple(state or [DeadLetterState.DEAD]),
    )


Chosen: TypeAlias = Annotated[Selection, Depends(_chosen)]
"""The letters that the query of a request chooses."""
