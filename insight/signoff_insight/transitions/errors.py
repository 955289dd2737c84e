"""What can be wrong with rules of transitions, and with what they are asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from signoff_schemas import SignoffError


class TransitionError(SignoffError):
    """Rules of transitions cannot be used, or not as was asked."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in a file of rules."""

    rule: str | None
    """The name of the rule, or which one it is; None if it is not in a rule."""
    key: str
    """Such as `when.min_silent_days`; empty if no single key is wrong."""
    allowed: str
    """What is allowed there: `must be …`."""
    found: str | None = None
    """What stands there, shortened; None if nothing does."""

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.rule and f"rule {self.rule}:", self.key)))
        found = "" if self.found is None else f"; found {self.found}"
        return f"{where} {self.allowed}{found}".strip()


class RulesError(TransitionError):
    """A file of rules breaks its format or contradicts itself; `mistakes` has all that is wrong."""

    def __init__(self, file: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(f"{file}: {mistake}" for mistake in mistakes))
        self.file = file
        self.mistakes = tuple(mistakes)


class RuleChangedError(TransitionError):
    """A rule was changed, and its version was not raised."""


class ScorerError(TransitionError):
    """A scorer is not there, or does not answer as it must."""


class BacktestError(TransitionError):
    """A backtest cannot be made as it was asked for."""
