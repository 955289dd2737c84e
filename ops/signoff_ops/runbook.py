"""The runbook of dead letters: what each cause means, and what to do. Its only owner.

The console and `signoff dlq show` say what stands here; docs/operations.md holds the same table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from signoff_db.causes import Group
from signoff_db.preview import Preview
from signoff_schemas import FailureKind

_REPLAY: Final = "signoff dlq replay {id}"
_EDIT: Final = "signoff dlq edit {id} --reason WHY"
_DISCARD: Final = "signoff dlq discard {id} --reason WHY"


class Mend(StrEnum):
    """What an operator does about a letter, as a command of `signoff dlq`."""

    REPLAY = "replay"
    EDIT = "edit"
    DISCARD = "discard"


@dataclass(frozen=True, slots=True)
class Advice:
    """What is known about failures of one sort."""

    name: str
    """What happened, in a few words."""
    means: str
    """What it means."""
    over: str
    """How to see whether it is over."""
    do: str
    """What to do, in one sentence or two."""
    replay: str
    """When a replay helps, and when not."""
    commands: tuple[str, ...]
    """The same on the command line, what to try first is first; `{id}` is the letter's."""

    @property
    def mend(self) -> Mend:
        """What to try first."""
        return Mend(self.commands[0].split()[2])


KINDS: Final[Mapping[FailureKind, Advice]] = {
    FailureKind.INVALID_PAYLOAD: Advice(
        "A field breaks the contract",
        "The upstream sent a value that the contract does not allow. Its release or its data is "
        "wrong; Signoff is not.",
        "No new letters of this cause come.",
        "Tell the upstream which field and which rule. It publishes the event again, corrected and "
        "under the same event_id: that resolves the letter. Or edit the event here.",
        "Not by itself: the same bytes break the same rule. After an upgrade of Signoff that "
        "allows them.",
        (_EDIT,),
    ),
    FailureKind.UNSUPPORTED_VERSION: Advice(
        "A newer version of the contract",
        "The event's schema_version is one that this release does not know.",
        "A dry run of one letter applies.",
        "Upgrade Signoff's workers and this service, then replay.",
        "After the upgrade.",
        (_REPLAY,),
    ),
    FailureKind.UNKNOWN_FUNCTION: Advice(
        "A job that is no event",
        "Somebody put another program's job on this queue.",
        "No new letters of this cause come.",
        "Find out who enqueues there: the payload names the function. Then discard it here, and "
        "enqueue the job where it belongs.",
        "Never.",
        (_DISCARD,),
    ),
    FailureKind.UNKNOWN_INTERACTION: Advice(
        "The interaction is not in Postgres",
        "The event names an interaction that Postgres does not hold, and no user_id to create it "
        "with. Mostly the upstream's own row was not written, or is late.",
        "The rows are there: a dry run applies.",
        "Have the upstream write the missing rows, then replay. Or edit the event and set user_id.",
        "As soon as the rows are there.",
        (_REPLAY, "signoff dlq edit {id} --set user_id=… --reason WHY"),
    ),
    FailureKind.USER_MISMATCH: Advice(
        "Another customer than the interaction's",
        "The event names another user_id than the interaction has.",
        "A dry run applies, after one of the two was corrected.",
        "Find out whose interaction it is. If the event is wrong, edit its user_id; if it was "
        "never meant, discard it.",
        "Only if the interaction's row was wrong and was corrected.",
        ("signoff dlq edit {id} --set user_id=… --reason WHY", _DISCARD),
    ),
    FailureKind.LTV_OVERFLOW: Advice(
        "The LTV would become too large",
        "With this amount the interaction's LTV would exceed 999,999.99.",
        "A dry run applies.",
        "Ask the upstream whether the amount is right, often it is in cents. Edit it, or discard "
        "the event.",
        "Only if the interaction's LTV has become smaller since.",
        ("signoff dlq edit {id} --set ltv_amount=… --reason WHY", _DISCARD),
    ),
    FailureKind.EVENT_CONFLICT: Advice(
        "Other content under a known id",
        "The ledger holds another event under this event_id. What came first was applied, and "
        "stays.",
        "No new letters of this cause come.",
        "The upstream used an id twice. If this is another fact, have it published under a new "
        "event_id; then discard this letter.",
        "Never: the ledger keeps what came first.",
        (_DISCARD,),
    ),
    FailureKind.REFUSED_BY_DATABASE: Advice(
        "Postgres refuses the event",
        "A constraint, trigger or policy of this installation refuses the event's row; the message "
        "names it.",
        "A dry run applies.",
        "Change the rule that the message names, or what it demands (often a row that is missing "
        "in another table); then replay. Or edit the event.",
        "After the rule or the missing row was mended.",
        (_REPLAY, _EDIT),
    ),
    FailureKind.ABANDONED: Advice(
        "Workers died with it",
        "Workers were killed or crashed while they held this event, until its attempts ran out; or "
        "RQ gave its job up.",
        "Workers stay alive, and a replay of one letter applies.",
        "See in the workers' logs why they died: memory, kill, a crash. Then replay one letter, "
        "and if that goes well, all.",
        "When the workers' trouble is over: begin with one letter.",
        (_REPLAY,),
    ),
}
"""What to do, by the kind of failure."""

_NOT_JSON: Final = Advice(
    "Not an event at all",
    "The job's data cannot be read: no JSON, no object, a pickle, or cut off.",
    "No new letters of this cause come.",
    "Find who put it on the queue. It names no event that a later one could resolve: have the "
    "event published properly, then discard this letter. Or write the event yourself (edit).",
    "Never.",
    (_DISCARD, _EDIT),
)
_TOO_LARGE: Final = Advice(
    "Larger than any event",
    "The job has more data, or a longer id, than an event may have. The letter holds its "
    "beginning; the message says whether all of it is still in Redis.",
    "No new letters of this cause come.",
    "Find who put it on the queue; have the event published smaller, then discard this letter.",
    "Never.",
    (_DISCARD,),
)
_AHEAD: Final = Advice(
    "It seems to lie in the future",
    "The event's time is more than 5 minutes ahead of the clock that checked it. One of the two "
    "clocks is wrong: the upstream's is fast, or that of a worker's host is slow.",
    "`signoff doctor` shows no clock that differs; new events are applied.",
    "Compare the time in the event with the time at which it failed. If they agree, a worker's "
    "clock is slow: set it right, then replay. If not, tell the upstream to set its clock.",
    "As soon as the time has come, or the slow clock was set right.",
    (_REPLAY,),
)
_UNKNOWN_FIELD: Final = Advice(
    "A field that the contract does not have",
    "The event has a field that the contract does not know: a release of the upstream is ahead, or "
    "a name is misspelt.",
    "No new letters of this cause come.",
    "Tell the upstream which field. It publishes the events again without it, under the same "
    "event_ids: that resolves the letters. Or remove the field here (edit). Discard events that "
    "were never meant.",
    "Not by itself. After an upgrade of Signoff that knows the field.",
    (_EDIT, _DISCARD),
)
_MISSING: Final = Advice(
    "A field is missing",
    "The event lacks a field that the contract requires.",
    "No new letters of this cause come.",
    "Have the upstream publish it again with the field, under the same event_id: that resolves the "
    "letter. Or add the field here (edit).",
    "Not by itself: the same bytes lack the same field.",
    (_EDIT,),
)
_UNNAMED: Final = Advice(
    "It breaks the contract and names no event",
    "A field breaks the contract, and the event_id cannot be read. So nothing that is published "
    "later resolves the letter.",
    "No new letters of this cause come.",
    "Have the event published properly, then discard this letter. Or write the event yourself "
    "(edit).",
    "Never.",
    (_DISCARD, _EDIT),
)
CODES: Final[Mapping[str, Advice]] = {
    "unreadable": _NOT_JSON,
    "json_invalid": _NOT_JSON,
    "model_type": _NOT_JSON,
    "too_large": _TOO_LARGE,
    "id_too_long": _TOO_LARGE,
    "instant_ahead": _AHEAD,
    "extra_forbidden": _UNKNOWN_FIELD,
    "missing": _MISSING,
}
"""What to do about an invalid payload, by the code of its first field error; else by its kind."""


def advice_on(
    kind: FailureKind, detail: Sequence[Mapping[str, Any]] = (), *, named: bool = True
) -> Advice:
    """What to do about a letter.

    Args:
        kind: why it failed.
        detail: the letter's field errors, as they are stored.
        named: whether its event_id is known.
    """
    if kind is not FailureKind.INVALID_PAYLOAD:
        return KINDS[kind]
    first = detail[0] if detail else {}
    is_of_a_field = bool(first.get("path"))
    code = None if is_of_a_field and first.get("code") == "too_large" else first.get("code")
    advice = CODES.get(str(code), KINDS[kind])
    return advice if named or advice in {_NOT_JSON, _TOO_LARGE} else _UNNAMED


_AN_EVENT: Final = (
    "An event that its upstream publishes again under the same event_id is tried like any other."
)
_CONFLICTING: Final = (
    "Under its event_id it is never applied, since the ledger keeps what came first. If it is "
    "another fact, it has to be published under a new event_id."
)
_NAMELESS: Final = (
    "A letter without an event_id is no event that could come again: what it was meant to say has "
    "to be published anew."
)
_FOREIGN: Final = "Another program's job never comes back as an event: enqueue it where it belongs."


def after_discard(kind: FailureKind, *, named: bool) -> str:
    """What may still become of a letter's event after the letter is discarded."""
    if kind is FailureKind.EVENT_CONFLICT:
        return _CONFLICTING
    if kind is FailureKind.UNKNOWN_FUNCTION:
        return _FOREIGN
    return _AN_EVENT if named else _NAMELESS


def after_discards(seen: Preview) -> list[str]:
    """The same of the causes of some letters, each sentence once."""
    texts = (after_discard(one.kind, named=one.named) for one in seen.causes)
    return list(dict.fromkeys(texts))


def advice_on_cause(group: Group) -> Advice:
    """What to do about the letters of one cause, by the newest of them."""
    detail = [group.first_error] if group.first_error else []
    return advice_on(group.kind, detail, named=group.sample_event_id is not None)


def rows() -> list[tuple[str, ...]]:
    """The runbook as a table, as docs/operations.md holds it."""
    of_codes: dict[str, list[str]] = {}
    for code, advice in CODES.items():
        of_codes.setdefault(advice.name, []).append(f"`{code}`")
    by_name = {advice.name: advice for advice in CODES.values()}
    named = [(f"`{kind}`", advice) for kind, advice in KINDS.items()]
    coded = [
        (f"`{FailureKind.INVALID_PAYLOAD}`: {', '.join(codes)}", by_name[name])
        for name, codes in of_codes.items()
    ]
    unnamed = (f"`{FailureKind.INVALID_PAYLOAD}`, no `event_id`", _UNNAMED)
    return [
        (f"{where}<br>{one.name}", one.means, one.over, one.do, one.replay)
        for where, one in [*coded, unnamed, *named]
    ]
