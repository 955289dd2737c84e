"""The types of settings that are not numbers; a refused value's message says what is allowed."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from signoff_schemas.access import Role
from signoff_schemas.networks import networks
from signoff_schemas.redis_url import check as check_redis_url

_QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_SCHEMA_NAME: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_POSTGRES: Final = re.compile(
    r"(?:postgresql|postgres)://(?P<authority>[^/?]*)(?P<rest>.*)", re.DOTALL
)
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_OFF: Final = frozenset({"false", "off", "no", "0"})
_ON: Final = frozenset({"true", "on", "yes", "1"})


def _redis_url(url: str) -> str:
    check_redis_url(url)
    return url


def _database_url(url: str) -> str:
    """Refuse here what libpq would refuse with a message that quotes the password."""
    parts = _POSTGRES.fullmatch(url)
    expected = "a URL such as postgresql://user@localhost:5432/signoff"
    if parts is None:
        raise ValueError(expected)
    ambiguous = parts["authority"].count("@") > 1 or "@" in parts["rest"]
    if ambiguous or _STRAY_PERCENT.search(url) or re.search(r"[\s\x00-\x1f]", url):
        raise ValueError(f"{expected}, special characters of its password percent-encoded")
    return url


def _webhook_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number; its text quotes the URL
        valid = False
    if not valid or re.search(r"[\s\x00-\x1f]", url):
        raise ValueError("a URL such as https://example.com/hook")
    return url


def _time_zone(name: str) -> str:
    if name != "UTC":
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError):  # also where this machine does not know it
            raise ValueError("the name of a time zone, such as UTC or Europe/Berlin") from None
    return name


def _private_networks(text: str) -> str:
    networks(text)
    return text


def _queue_name(name: str) -> str:
    if not _QUEUE_NAME.fullmatch(name):
        raise ValueError("a name of letters, digits, '_', '.' and '-', at most 100 of them")
    return name


def _schema_name(name: str) -> str:
    if not _SCHEMA_NAME.fullmatch(name):
        raise ValueError(
            "a name of lower-case letters, digits and '_', at most 63 of them, no digit first"
        )
    return name


def _adopted_table(name: str) -> str:
    schema, _, table = name.rpartition(".")
    if not schema or table != "interactions":
        raise ValueError("SCHEMA.interactions, such as public.interactions")
    return name


def _spool(value: object) -> object:
    """Read the text `false`, as it is in the environment, as False."""
    match value:
        case str() if value.strip().lower() in _OFF:
            return False
        case str() if value.strip().lower() in _ON:
            raise ValueError("the path of a file, or false for none")
        case str() | Path() | None | False:
            return value
    raise ValueError("the path of a file, or False for none")


def _secret(value: str) -> str:
    if not value.strip():
        raise ValueError("a key that is not blank; leave the variable out for none")
    return value


def _role_map(text: str) -> str:
    pairs = [pair.rpartition("=") for pair in text.split(",")]
    if not all(value.strip() and role.strip() in set(Role) for value, _, role in pairs):
        raise ValueError(
            "pairs such as desk=reviewer,bosses=admin; a role is one of " + ", ".join(Role)
        )
    return text


def _named_file(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("the path of a file")
    return path


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


RedisUrl = Annotated[str, AfterValidator(_redis_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
WebhookUrl = Annotated[str, AfterValidator(_webhook_url)]
PrivateNetworks = Annotated[str, AfterValidator(_private_networks)]
"""`false`, `true`, or networks with commas between; see `networks.py`."""
QueueName = Annotated[str, AfterValidator(_queue_name)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
SchemaName = Annotated[str, AfterValidator(_schema_name)]
AdoptedTable = Annotated[str, AfterValidator(_adopted_table)]
SpoolPath = Annotated[Path | Literal[False] | None, BeforeValidator(_spool)]
"""A file; False for no file, whatever is set elsewhere; None if nothing is set."""
Secret = Annotated[str, AfterValidator(_secret)]
RoleMap = Annotated[str, AfterValidator(_role_map)]
RulesPath = Annotated[Path, AfterValidator(_named_file)]
Host = Annotated[str, Field(min_length=1)]
LogFormat = Annotated[Literal["text", "json"], BeforeValidator(_stripped)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_stripped)]
