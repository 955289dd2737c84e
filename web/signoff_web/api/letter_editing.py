"""`POST /v1/dead-letters/{id}/edit`: apply a corrected event in a letter's place."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends

from signoff_ops.editing import EditError, NotDeadError, letter_to_edit
from signoff_ops.letter_edit import attempt_edit
from signoff_ops.letter_text import members_of
from signoff_ops.operating import Operator
from signoff_ops.values import FullLetter
from signoff_schemas import InvalidEvent
from signoff_schemas.access import Scope
from signoff_schemas.wording import printable
from signoff_web.access import Acting, requires
from signoff_web.api.answers import JSONAnswer, refusals
from signoff_web.api.dead_letters import LetterId, unknown_letter
from signoff_web.api.json_bodies import REFUSED_BODIES
from signoff_web.api.letter_models import Edited
from signoff_web.api.parameters import ONLY_KNOWN
from signoff_web.api.review_requests import JSONBody
from signoff_web.context import Context, InContext
from signoff_web.problem_types import ProblemType
from signoff_web.problems import ProblemError, pointer_of

router = APIRouter(dependencies=[ONLY_KNOWN], tags=["Dead letters"])
_LONGEST_REASON: Final = 2000
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "event": {"type": "object"},
                        "reason": {"type": "string", "minLength": 1, "maxLength": _LONGEST_REASON},
                        "dry_run": {"type": "boolean", "default": False},
                    },
                    "required": ["event", "reason"],
                    "additionalProperties": False,
                }
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Edit:
    """What is wanted."""

    event: bytes
    """The event, exactly as it was sent: a float would change some numbers."""
    reason: str
    dry_run: bool


def _edit(body: JSONBody) -> Edit:
    members = members_of(body)
    if members is None:
        raise _invalid("", "must be a JSON object", "model_type")
    for name in members:
        if name not in {"event", "reason", "dry_run"}:
            shown = printable(name, limit=100)
            raise _invalid(shown, "is no member; they are event, reason, dry_run", "unknown_member")
    if members_of(members.get("event", "").encode()) is None:
        raise _invalid("event", "must be a JSON object", "model_type")
    reason = json.loads(members.get("reason", "null"), parse_int=float)
    if not isinstance(reason, str) or not 0 < len(reason.strip()) <= _LONGEST_REASON:
        raise _invalid("reason", f"must be a text of 1 to {_LONGEST_REASON} characters", "reason")
    dry_run = members.get("dry_run", "false")
    if dry_run not in {"true", "false"}:
        raise _invalid("dry_run", "must be true or false", "boolean")
    return Edit(members["event"].encode(), reason.strip(), dry_run == "true")


def _invalid(member: str, detail: str, code: str) -> ProblemError:
    error = {"pointer": pointer_of(member) if member else "", "detail": detail, "code": code}
    said = f"{member or 'The body'} {detail}"
    return ProblemError(422, "invalid-request", "The request is not valid", said, errors=[error])


@router.post(
    "/v1/dead-letters/{letter_id}/edit",
    dependencies=[requires(Scope.OPERATE)],
    response_model=Edited,
    responses=REFUSED_BODIES
    | refusals(
        _404="There is no such dead letter.",
        _409="The letter is settled already, or the event still fails; nothing was changed.",
    ),
    openapi_extra=_BODY,
    summary="Edit a dead letter's event and apply it",
)
def edit_letter(
    letter_id: LetterId,
    context: InContext,
    acting: Acting,
    wanted: Annotated[Edit, Depends(_edit)],
) -> JSONAnswer:
    """Apply a corrected event, which keeps its `event_id`, in the letter's place.

    With `dry_run` it tells the verdict, and changes nothing. An event that would fail again
    changes nothing either.
    """
    operator = Operator(acting.actor, wanted.reason, wanted.dry_run)
    full = _editable(context, letter_id)
    found = attempt_edit(context.servers, full, wanted.event, operator)
    if found.problems:
        raise InvalidEvent(full.letter.kind, found.problems)
    if found.edited is None:
        raise _conflict("edit-refused", "The edit is not possible", str(found.refusal))
    if not wanted.dry_run and not found.applies:
        result, message = found.edited.result, found.edited.message
        raise _conflict("not-applied", "The event still fails", f"{result}: {message}")
    return JSONAnswer({"dry_run": wanted.dry_run, **asdict(found.edited)})


def _editable(context: Context, letter_id: int) -> FullLetter:
    try:
        return letter_to_edit(context.servers, letter_id)
    except NotDeadError as error:
        if error.state is None:
            raise unknown_letter(letter_id) from None
        raise _conflict("letter-settled", "The letter is settled already", str(error)) from None
    except EditError as error:
        raise _conflict("edit-refused", "The edit is not possible", str(error)) from None


def _conflict(slug: ProblemType, title: str, detail: str) -> ProblemError:
    return ProblemError(409, slug, title, detail)
