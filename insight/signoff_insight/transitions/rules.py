"""The rules of transitions: which customers should get another status, and who decides that.

They stand in a TOML file, which docs/transitions.md explains. A rule is a set of thresholds, all of
which must hold; there are no expressions. Whatever is wrong in a file is said at once, each mistake
with its rule, its key, what was found and what is allowed.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, Field, StringConstraints
from pydantic import ValidationError as InvalidModel

from signoff_insight.transitions.contradictions import contradictions
from signoff_insight.transitions.errors import Mistake, RulesError
from signoff_insight.transitions.mistakes import mistakes_of
from signoff_insight.transitions.rule import Part, Rule, Usd, When
from signoff_schemas import Settings, SettingsError

__all__ = ["DEFAULT_FILE", "Rule", "RuleSet", "When", "default_rules", "load_rules", "read_rules"]

DEFAULT_FILE: Final = "default_rules.toml"
"""The name of the set that is part of the package."""
MOST_BYTES: Final = 262_144
MOST_RULES: Final = 100
MOST_STALE_HOURS: Final = 8_760
"""The greatest value of `stale_after_hours`."""


class RuleSet(Part):
    """A file of rules."""

    format: Literal[1]
    scorer: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = "mbg_nbd"
    """What estimates P(return): `mbg_nbd`, or the name of an entry point."""
    returned_within_weeks: Annotated[int, Field(ge=1, le=104)] = 26
    """Within so many weeks a customer has to buy to have returned."""
    stale_after_hours: Annotated[int, Field(ge=1, le=MOST_STALE_HOURS)] = 48
    """No run if the newest event of the ledger is older."""
    high_value_usd: Usd = Decimal("500.00")
    """Nothing is decided automatically about customers who are worth so much."""
    backtest_valid_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    """For so long a passed backtest allows automatic decisions."""
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=MOST_RULES, strict=False)] = (
        Field(alias="rule")
    )

    @classmethod
    def parse(cls, text: str, file: str) -> Self:
        """Read the text of a file.

        Args:
            text: in TOML.
            file: what messages call it.

        Raises:
            RulesError: something is wrong; all of it is named.
        """
        try:
            held = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RulesError(file, [Mistake(None, "", f"is not TOML: {error}")]) from None
        except RecursionError:
            raise RulesError(file, [Mistake(None, "", "is nested too deep")]) from None
        except ValueError:
            mistake = Mistake(None, "", "holds a number with too many digits")
            raise RulesError(file, [mistake]) from None
        return cls.of(held, file)

    @classmethod
    def of(cls, held: Mapping[str, Any], file: str) -> Self:
        """Check what a file held.

        Raises:
            RulesError: something is wrong; all of it is named.
        """
        try:
            found = cls.model_validate(dict(held))
        except InvalidModel as error:
            keys = {part: _keys(part) for part in (cls, Rule, When)}
            named = {"": keys[cls], "rule": keys[Rule], "when": keys[When]}
            raise RulesError(file, mistakes_of(error, held, named)) from None
        if wrong := list(contradictions(found.rules)):
            raise RulesError(file, wrong)
        return found

    def rule(self, name: str) -> Rule:
        """The rule of this name.

        Raises:
            RulesError: there is none.
        """
        for rule in self.rules:
            if rule.name == name:
                return rule
        names = ", ".join(rule.name for rule in self.rules)
        mistake = Mistake(None, "", f"a rule must be one of {names}", repr(name[:80]))
        raise RulesError("the rules", [mistake])

    def only(self, name: str) -> Self:
        """The same set with one of its rules alone.

        Raises:
            RulesError: there is none of this name.
        """
        return self.model_copy(update={"rules": (self.rule(name),)})

    def content(self, rule: Rule) -> dict[str, Any]:
        """What a version of a rule stands for, as JSON-able data.

        All that decides whom it picks, and what becomes of them.
        """
        own = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
        weeks = self.returned_within_weeks
        return own | {"scorer": self.scorer, "returned_within_weeks": weeks}

    @property
    def statuses(self) -> list[str]:
        """The statuses from which any of the rules takes customers."""
        return sorted({status for rule in self.rules for status in rule.from_statuses})


def _keys(part: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in part.model_fields.items()]


def default_rules() -> RuleSet:
    """The set that is part of the package."""
    text = files("signoff_insight.transitions").joinpath(DEFAULT_FILE).read_text("utf-8")
    return RuleSet.parse(text, DEFAULT_FILE)


def load_rules(settings: Settings) -> RuleSet:
    """The rules of an installation: of the file that its settings name, else the default ones.

    Raises:
        RulesError: something is wrong in the file; all of it is named.
        SettingsError: the file cannot be read.
    """
    if settings.transitions_rules is None:
        return default_rules()
    return read_rules(settings.transitions_rules)


def read_rules(path: Path) -> RuleSet:
    """The rules of a file.

    Raises:
        RulesError: something is wrong in it; all of it is named.
        SettingsError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            held = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"the rules of transitions in {path} cannot be read: {error.strerror}; "
            "SIGNOFF_TRANSITIONS_RULES names the file, without it the default rules apply"
        ) from None
    if len(held) > MOST_BYTES:
        raise RulesError(str(path), [Mistake(None, "", f"must have at most {MOST_BYTES:,} bytes")])
    try:
        return RuleSet.parse(held.decode(), str(path))
    except UnicodeDecodeError:
        raise RulesError(str(path), [Mistake(None, "", "must be text in UTF-8")]) from None
