"""Settings from the environment (prefix `SIGNOFF_`) and `.env`, validated once."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from signoff_schemas.errors import SettingsError
from signoff_schemas.redis_url import check as check_redis_url
from signoff_schemas.trust import require_own_env_file

PREFIX: Final = "SIGNOFF_"
_USERINFO: Final = re.compile(
    r"^(\s*(?:[a-z][\w+.-]*:)?//[^:@/]*:|[^:@/]*:(?!//)).*(?=@)", re.IGNORECASE | re.DOTALL
)
"""The password runs to the last `@`: one that was not percent-encoded may hold any character."""
_PARAMETER: Final = re.compile(
    r"(password\s*=\s*)(?:'(?:\\.|[^'\\])*'?|.*?(?=&|\s+\w+\s*=|\Z))", re.IGNORECASE | re.DOTALL
)
"""The same in a URL's query, or in a connection string of `keyword=value`."""
_QUEUE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def masked(url: str) -> str:
    """The URL without its password, fit for messages and logs."""
    return _USERINFO.sub(r"\1***", _PARAMETER.sub(r"\1***", url))


def _redis_url(url: str) -> str:
    check_redis_url(url)
    return url


def _database_url(url: str) -> str:
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("a URL such as postgresql://user@localhost:5432/signoff")
    return url


def _webhook_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("a URL such as https://example.com/hook")
    return url


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _queue_name(name: str) -> str:
    if not _QUEUE_NAME.fullmatch(name):
        raise ValueError("a name of letters, digits, '_', '.' and '-', at most 100 of them")
    return name


RedisUrl = Annotated[str, AfterValidator(_redis_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
WebhookUrl = Annotated[str, AfterValidator(_webhook_url)]
QueueName = Annotated[str, AfterValidator(_queue_name)]


class Settings(BaseSettings):
    """What can be set; each field is read from `SIGNOFF_<FIELD>`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        str_strip_whitespace=True,
    )

    redis_url: RedisUrl | None = Field(
        None, repr=False, description="The Redis or Valkey that holds the queue"
    )
    database_url: DatabaseUrl | None = Field(
        None, repr=False, description="The Postgres that holds the state"
    )
    outbox_url: DatabaseUrl | None = Field(
        None, repr=False, description="The upstream's Postgres, which holds its outbox"
    )
    queue: QueueName = Field("approvals", description="The RQ queue of approval events")
    max_queue_length: int | None = Field(
        None, ge=1, description="Publishing beyond this many waiting events raises QueueFull"
    )
    full_retry_after: float = Field(
        5.0, ge=0, le=86_400, description="Seconds after which QueueFull asks to publish again"
    )
    redis_timeout: float = Field(
        5,
        gt=0,
        le=300,
        description="Seconds that connecting, and each answer to a publish, may take",
    )
    publish_retries: int = Field(
        3, ge=0, le=100, description="Times a publish is repeated while Redis is away"
    )
    wait_replicas: int = Field(
        0, ge=0, le=100, description="Replicas that must have an event before a publish is answered"
    )
    wait_timeout: float = Field(
        1.0, ge=0.001, le=300, description="Seconds that those replicas are waited for"
    )
    breaker_failures: int = Field(
        0, ge=0, description="Failed publishes in a row before Redis is left alone; 0: never"
    )
    breaker_cooldown: float = Field(
        10.0, gt=0, le=3600, description="Seconds between single tries while it is left alone"
    )
    spool: Path | Literal[False] | None = Field(
        None, description="A local file that takes events while Redis is away"
    )
    spool_max_bytes: int = Field(100_000_000, ge=1, description="The size that this file may have")
    batch_size: int = Field(1000, ge=1, le=5000, description="Events a worker takes at a time")
    redeliver_after: float = Field(
        30, ge=3, le=3600, description="Seconds until a dead worker's batch is in other hands"
    )
    max_redeliveries: int = Field(
        3, ge=1, le=100, description="Worker deaths an event survives before it is `abandoned`"
    )
    retry_attempts: int = Field(
        5, ge=0, le=20, description="Times an `unknown_interaction` is tried again"
    )
    retry_delay: float = Field(
        1.0, gt=0, le=3600, description="Seconds before the first retry; doubles each time"
    )
    health_host: Annotated[str, Field(min_length=1)] = Field(
        "127.0.0.1", description="The address on which a worker tells its health"
    )
    health_port: int | None = Field(
        None, ge=1, le=65_535, description="The port on which a worker tells its health over HTTP"
    )
    stuck_after: float = Field(
        300, ge=3, le=86_400, description="Seconds in one turn after which a worker counts as stuck"
    )
    dead_letter_limit: int = Field(
        1000, ge=0, description="More open dead letters than this are an incident"
    )
    alert_command: str | None = Field(
        None, description="What `signoff alert` runs, the alert as JSON on its standard input"
    )
    alert_url: WebhookUrl | None = Field(
        None, repr=False, description="Where `signoff alert` posts the alert as JSON"
    )
    alert_secret: str | None = Field(
        None, repr=False, description="The key under which posted alerts are signed"
    )
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_stripped)] = Field(
        "text", description="How log lines look"
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(_stripped)
    ] = Field("INFO", description="The least serious log line that is written")

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """Read the settings; an override wins over the environment.

        Raises:
            SettingsError: a variable holds what cannot be used; the text names each of them.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        require_own_env_file(Path(".env"), PREFIX)
        try:
            return cls(**given)  # type: ignore[arg-type]
        except ValidationError as error:
            raise SettingsError("\n".join(map(_sentence, error.errors()))) from None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f".env cannot be read as UTF-8 text: {error}") from None

    @property
    def outbox(self) -> str:
        """The URL of the database with the outbox: Signoff's own, unless another is set.

        Raises:
            SettingsError: neither is set.
        """
        return self.outbox_url or self.require("database_url")

    def require(self, name: Literal["redis_url", "database_url"]) -> str:
        """A URL that this part cannot work without.

        Raises:
            SettingsError: it is not set.
        """
        url: str | None = getattr(self, name)
        if url is None:
            example = {"redis_url": "redis://localhost:6379/0"}.get(
                name, "postgresql://user@localhost:5432/signoff"
            )
            raise SettingsError(
                f"{PREFIX}{name.upper()} is not set; set it in the environment or in .env, for "
                f"example {PREFIX}{name.upper()}={example} (the command line also finds the "
                "servers of a `signoff up` that runs in its folder)"
            )
        return url


def _sentence(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    variable = name if name.startswith(PREFIX) else PREFIX + name.upper()
    held = masked(str(error["input"])) if "url" in variable.lower() else repr(error["input"])
    expected = str(error.get("ctx", {}).get("error", error["msg"].replace("Input should be ", "")))
    return f"{variable} holds {held}; expected {expected}"
