"""The closed sets of the contract: a customer's statuses, and what a reviewer may have changed."""

from typing import Final, Literal, get_args

CustomerStatus = Literal["PROSPECT", "LEAD_QUALIFIED", "CUSTOMER", "CHURNED", "LEAD_EXHAUSTED"]
CUSTOMER_STATUSES: Final[tuple[str, ...]] = get_args(CustomerStatus)

EditTag = Literal[
    "CTA_SOFT",
    "CTA_MEDIUM",
    "CTA_DIRECT",
    "REDUCED_CRINGE",
    "INCREASED_FLIRT",
    "ENGLISH_SLANG",
    "TEXT_SPEAK",
    "STRUCT_SHORTEN",
    "STRUCT_BUBBLE",
    "CONTENT_EMOJI_ADD",
    "CONTENT_EMOJI_CUT",
    "CONTENT_QUESTION",
    "CONTENT_QUESTION_CUT",
    "CONTENT_REWRITE",
    "CONTENT_SENTENCE_ADD",
    "TONE_LESS_IA",
    "TONE_ROMANTIC_UP",
    "TONE_CASUAL",
    "TONE_FLIRT_UP",
    "TONE_CRINGE_DOWN",
    "TONE_ENERGY_UP",
]
EDIT_TAGS: Final[tuple[str, ...]] = get_args(EditTag)
