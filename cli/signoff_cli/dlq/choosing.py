"""The options that choose dead letters, the same in every subcommand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

import typer

from signoff_cli.ages import EXAMPLES, age_of
from signoff_cli.dlq.letters import LARGEST_ID, absence
from signoff_cli.errors import UsageError
from signoff_cli.terminal import complain
from signoff_ops.dead_letters import Choice, choose
from signoff_ops.servers import DirectServers, Servers
from signoff_ops.services import load_settings
from signoff_ops.values import LONGEST_TEXT, Selection
from signoff_schemas import FailureKind
from signoff_schemas.kinds import EventType

_HOW: Final = (
    "choose dead letters by their ids, --kind, --fingerprint, --user, --interaction, --event, "
    "--event-type, --job, --text, --since or --until, or all of them with --all; "
    "`signoff dlq groups` shows what there is"
)

Ids = Annotated[
    list[int] | None,
    typer.Argument(metavar="ID", help="Ids of dead letters.", min=1, max=LARGEST_ID),
]
Kinds = Annotated[list[FailureKind] | None, typer.Option("--kind", help="Repeatable.")]
Fingerprint = Annotated[str | None, typer.Option(help="Of one cause, as in `dlq groups`.")]
User = Annotated[str | None, typer.Option("--user", help="Of one customer, by user_id.")]
InteractionId = Annotated[UUID | None, typer.Option("--interaction", help="Of one interaction.")]
EventId = Annotated[UUID | None, typer.Option("--event", help="Of one event.")]
OfType = Annotated[EventType | None, typer.Option("--event-type", help="Of one kind of event.")]
JobId = Annotated[str | None, typer.Option("--job", help="Of one job, by its id.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Last failed at or after: 2h, 3d, or 2026-01-31T10:00."),
]
Until = Annotated[str | None, typer.Option(metavar="WHEN", help="Last failed before.")]


def _searched(text: str | None) -> str | None:
    if text is not None and (not 0 < len(text) <= LONGEST_TEXT or _holds_half_characters(text)):
        raise typer.BadParameter(f"a text of 1 to {LONGEST_TEXT} characters in UTF-8 is wanted")
    return text


def _holds_half_characters(text: str) -> bool:
    """Whether the terminal sent bytes that are no UTF-8: Python keeps them as surrogates."""
    return any("\ud800" <= character <= "\udfff" for character in text)


Text = Annotated[
    str | None,
    typer.Option(
        callback=_searched,
        help="Contained in the message, in any case, or in the payload, byte for byte.",
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every one that is dead.")]


def chosen(  # noqa: PLR0913 -- one argument an option
    *,
    ids: Sequence[int] | None = None,
    kinds: Sequence[FailureKind] | None = None,
    fingerprint: str | None = None,
    user: str | None = None,
    interaction: UUID | None = None,
    since: str | None = None,
    until: str | None = None,
    event: UUID | None = None,
    event_type: EventType | None = None,
    job: str | None = None,
    text: str | None = None,
) -> Selection:
    """What the options choose; without any, every dead letter.

    Raises:
        UsageError: a time is neither an age nor an instant.
    """
    return Selection(
        ids=tuple(ids or ()),
        kinds=tuple(kinds or ()),
        fingerprint=fingerprint,
        user_id=user,
        interaction_id=interaction,
        since=None if since is None else moment(since, "--since"),
        until=None if until is None else moment(until, "--until"),
        event_id=event,
        event_type=event_type,
        job_id=job,
        text=text,
    )


def deliberate(selection: Selection, *, everything: bool) -> Selection:
    """A selection to act on: no choice at all must not mean everything.

    Raises:
        UsageError: nothing was chosen, or --all and something else.
    """
    if (selection == Selection()) is not everything:
        raise UsageError("--all goes with no other choice" if everything else _HOW)
    return selection


def meant(selection: Selection, limit: int | None) -> tuple[Choice, Servers]:
    """The letters to act on, and where; says which of the ids that were named are not dead."""
    servers = DirectServers(load_settings())
    choice = choose(servers, selection, limit=limit)
    for letter_id, state in choice.absent:
        complain(absence(letter_id, state))
    return choice, servers


def moment(text: str, option: str) -> datetime:
    """An age before now, or an instant; without an offset it is meant in the reader's zone.

    Raises:
        UsageError: it is neither.
    """
    try:
        if (age := age_of(text)) is not None:
            return datetime.now(UTC) - age
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} holds {text!r}; expected {EXAMPLES}, or an instant such as 2026-01-31T10:00"
        ) from None
