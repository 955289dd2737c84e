"""How settings are read: from arguments first, then the environment, then `.env` if it is read."""

import os
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, Self

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from signoff_schemas.env_file import PREFIX, env_file_variables
from signoff_schemas.errors import SettingsError
from signoff_schemas.expected import expected
from signoff_schemas.invalid import shortened
from signoff_schemas.masking import HIDDEN, masked

_VARIABLES: Final = {"db_schema": f"{PREFIX}SCHEMA"}
"""Fields whose variable has another name: pydantic reserves the name `schema`."""
_SECRETS: Final = frozenset({"alert_secret", "alert_command", "oidc_client_secret"})
_EXAMPLES: Final = {
    "redis_url": "redis://localhost:6379/0",
    "database_url": "postgresql://user@localhost:5432/signoff",
    "rapport_url": "postgresql://user@localhost:5432/signoff_rapport",
}

_ALIKE: Final = 0.7
"""How alike two names must be (of 1) for the one to be taken as the other, misspelt."""


def variable_of(field: str) -> str:
    """The environment variable that sets a field."""
    return _VARIABLES.get(field, PREFIX + field.upper())


def argument(field: str) -> str:
    """What a field is called where it was given as an argument."""
    return f"the argument {field}"


class RoleSettings(BaseSettings):
    """The settings of one role, such as publishing; each field is read from its variable.

    Other variables are not read, so a wrong setting of another role causes no error here.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        str_strip_whitespace=True,
        validate_by_name=True,
        validate_by_alias=True,
    )
    env_path: ClassVar[Path | None] = None
    """The file that is read besides the environment. A library reads none: the `.env` of the folder
    that its process runs in may be another project's. Commands and workers read one."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read `.env` with `env_file.py`; pydantic's own reader expands `${…}`."""
        del dotenv_settings, file_secret_settings
        file = InitSettingsSource(settings_cls, cls._from_file())
        return init_settings, env_settings, file

    @classmethod
    def _from_file(cls) -> dict[str, Any]:
        """The fields that the file sets; an empty value counts as not set."""
        if cls.env_path is None:
            return {}
        held = {name.lower(): value for name, value in env_file_variables(cls.env_path).items()}
        named = {field: held.get(variable_of(field).lower()) for field in cls.model_fields}
        return {field: value for field, value in named.items() if value}

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the settings; an override wins over the environment, None overrides nothing.

        Raises:
            SettingsError: a variable or an override holds what cannot be used; the text names each.
        """
        return cls.load_named(overrides, argument)

    @classmethod
    def load_named(cls, overrides: Mapping[str, object], named: Callable[[str], str]) -> Self:
        """The same; `named` says what a message calls an override, such as a command's option.

        Raises:
            SettingsError: as `load`.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        try:
            return cls(**given)  # type: ignore[arg-type]  # they are validated
        except ValidationError as error:
            sentences = [_sentence(one, given, named) for one in error.errors()]
            raise SettingsError("\n".join(sorted(sentences))) from None

    def require(self, name: Literal["redis_url", "database_url", "rapport_url"]) -> str:
        """A URL that this part cannot work without.

        Raises:
            SettingsError: it is not set.
        """
        url: str | None = getattr(self, name)
        if url is not None:
            return url
        variable = PREFIX + name.upper()
        where = "in the environment"
        given = [*os.environ, *(env_file_variables(self.env_path) if self.env_path else ())]
        known = {variable_of(field) for field in type(self).model_fields}
        meant = misspelt(variable, [name for name in given if name.upper() not in known])
        found = f" ({meant} is set, which nothing reads: is it misspelt?)" if meant else ""
        hint = ", or give it as an argument"
        if self.env_path is not None:
            where += " or in .env"
            hint = (
                " (the command line also finds the servers of a `signoff up` that runs in its "
                "folder)"
            )
        raise SettingsError(
            f"{variable} is not set{found}; set it {where}, for example "
            f"{variable}={_EXAMPLES[name]}{hint}"
        )


def misspelt(variable: str, given: Iterable[str]) -> str | None:
    """The given name that is most like a variable that is not set; None if no name is like it."""
    names = {name.upper(): name for name in given if name.upper().startswith(PREFIX)}
    bare = {name.removeprefix(PREFIX): original for name, original in names.items()}
    alike = get_close_matches(variable.removeprefix(PREFIX), bare, n=1, cutoff=_ALIKE)
    return bare[alike[0]] if alike else None


def _sentence(error: ErrorDetails, given: Mapping[str, object], named: Callable[[str], str]) -> str:
    """A sentence with the variable or argument, what it holds, and what was expected."""
    field = str(error["loc"][0]).lower().removeprefix(PREFIX.lower())
    name = named(field) if field in given else variable_of(field)
    return f"{name} holds {_held(field, error['input'])}; expected {expected(error)}"


def _held(field: str, value: object) -> str:
    if field in _SECRETS:
        return HIDDEN
    return masked(str(value)) if field.endswith("url") else shortened(repr(value))
