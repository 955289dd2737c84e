"""What a reviewer typed on the desk: read from the form, kept as a draft, made into an approve."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Depends, Request

from signoff_ops.reviews import Review
from signoff_web.forms import bounded_form

_MOST_BYTES: Final = 1_048_576
"""The most bytes of a form: 20 messages of 4,000 characters, each sent as up to 12 bytes."""
_MOST_FIELDS: Final = 200
_DIGITS: Final = 9
"""The most digits of a revision: Postgres counts in integers."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of the form, as text: what was typed, whether it is valid or not."""

    final_bubbles: tuple[str, ...] = ("",)
    edit_tags: tuple[str, ...] = ()
    quality_score: str = ""
    reviewer_notes: str = ""
    cta_data: str = ""
    customer_status: str = ""
    ltv_amount: str = ""

    @classmethod
    def of_review(cls, review: Review) -> "Fields":
        """The form as it is first shown: the draft, and nothing that the reviewer has to decide."""
        return cls(final_bubbles=tuple(review.draft_bubbles or [""]))

    @classmethod
    def of_draft(cls, draft: Mapping[str, Any]) -> "Fields":
        """The form of a kept draft; a body of an approve is one too."""
        texts = {name: _text(draft.get(name)) for name in _TEXTS}
        bubbles = _texts(draft.get("final_bubbles"))
        return cls(bubbles or ("",), _texts(draft.get("edit_tags")), **texts)

    @property
    def draft(self) -> dict[str, Any]:
        """What is kept on the server while the reviewer types."""
        return {
            "final_bubbles": list(self.final_bubbles),
            "edit_tags": list(self.edit_tags),
            **{name: getattr(self, name) for name in _TEXTS},
        }

    @property
    def body(self) -> dict[str, Any]:
        """The body of the approve. What was left empty is not given; the contract judges the rest.

        Blanks around an amount are no part of it.
        """
        given: dict[str, Any] = {
            "final_bubbles": list(self.final_bubbles),
            "edit_tags": list(self.edit_tags),
            "quality_score": _number(self.quality_score),
            "reviewer_notes": self.reviewer_notes if self.reviewer_notes.strip() else None,
            "cta_data": _json(self.cta_data),
            "customer_status": self.customer_status or None,
            "ltv_amount": self.ltv_amount.strip() or None,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def effect(self) -> dict[str, Any]:
        """A body of which only status and amount count."""
        only = replace(self, final_bubbles=("-",), edit_tags=(), reviewer_notes="", cta_data="")
        return {**only.body, "quality_score": 1}


_TEXTS: Final = (
    "quality_score",
    "reviewer_notes",
    "cta_data",
    "customer_status",
    "ltv_amount",
)


@dataclass(frozen=True, slots=True)
class DeskForm:
    """A form that was sent."""

    fields: Fields
    revision: int | None
    """That of the review that the reviewer saw."""
    reason: str
    """Why it is rejected."""
    to: str
    """To whom it is given."""


async def _read(request: Request) -> DeskForm:
    form = await bounded_form(request, most_bytes=_MOST_BYTES, most_fields=_MOST_FIELDS)
    fields = Fields(
        tuple(map(_lines, form.all("bubble"))) or ("",),
        tuple(form.all("edit_tags")),
        **{name: _lines(form.one(name)) for name in _TEXTS},
    )
    return DeskForm(
        fields, _revision(form.one("revision")), _lines(form.one("reason")), form.one("to").strip()
    )


InForm: TypeAlias = Annotated[DeskForm, Depends(_read)]


def _revision(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def _lines(text: str) -> str:
    """The text with the line ends that JavaScript has; forms are sent with others."""
    return text.replace("\r\n", "\n")


def _number(text: str) -> int | str | None:
    return int(text) if text in {"1", "2", "3", "4", "5"} else text or None


def _json(text: str) -> object:
    """What JSON text holds; the text itself if it is no JSON: the contract refuses that."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: object) -> str:
    """A value of a draft as the form shows it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else ()
