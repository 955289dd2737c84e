"""Settings by role, from the environment (prefix `SIGNOFF_`) and `.env`, validated once.

A publisher reads `PublishSettings`, a worker `WorkerSettings`. Commands read `Settings`, which has
the fields of all roles. Each field belongs to one role.
"""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from signoff_schemas.access import Role
from signoff_schemas.database_url import DEFAULT_SCHEMA, RAPPORT_SCHEMA, with_schema
from signoff_schemas.env_file import ENV_FILE
from signoff_schemas.role_settings import RoleSettings, variable_of
from signoff_schemas.setting_types import (
    AdoptedTable,
    DatabaseUrl,
    Host,
    LogFormat,
    LogLevel,
    PrivateNetworks,
    QueueName,
    RedisUrl,
    RoleMap,
    RulesPath,
    SchemaName,
    Secret,
    SpoolPath,
    TimeZone,
    WebhookUrl,
)


class QueueSettings(RoleSettings):
    """Where the queue is."""

    redis_url: RedisUrl | None = Field(
        None, repr=False, description="The Redis or Valkey that holds the queue"
    )
    queue: QueueName = Field("approvals", description="The RQ queue of events")


class DatabaseSettings(RoleSettings):
    """Where the state is."""

    database_url: DatabaseUrl | None = Field(
        None, repr=False, description="The Postgres that holds the state"
    )
    db_schema: SchemaName = Field(
        DEFAULT_SCHEMA,
        validation_alias=variable_of("db_schema"),
        description="The schema in it that is Signoff's own",
    )
    interactions: AdoptedTable | None = Field(
        None, description="The table SCHEMA.interactions that `signoff migrate` adopts"
    )

    def require(self, name: Literal["redis_url", "database_url", "rapport_url"]) -> str:
        """A URL that must be set; the database's URL holds the name of the schema too.

        Raises:
            SettingsError: it is not set.
        """
        url = super().require(name)
        return with_schema(url, self.db_schema) if name == "database_url" else url


class OutboxSettings(DatabaseSettings):
    """Where the outbox is."""

    outbox_url: DatabaseUrl | None = Field(
        None, repr=False, description="The upstream's Postgres, which holds its outbox"
    )

    @property
    def outbox(self) -> str:
        """The URL of the database with the outbox: Signoff's own, unless another is set.

        Raises:
            SettingsError: neither is set.
        """
        return self.outbox_url or self.require("database_url")


class PublishSettings(QueueSettings):
    """What a producer needs: all that `Producer` and `AsyncProducer` read."""

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
    publish_timeout: float | None = Field(
        None,
        gt=0,
        le=3600,
        description="Seconds that a publish may take in all, its repetitions included",
    )
    publish_retries: int = Field(
        3, ge=0, le=100, description="Times a publish is repeated while Redis is unavailable"
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
    spool: SpoolPath = Field(
        None, description="A local file for events while Redis is unavailable; false: none"
    )
    spool_max_bytes: int = Field(100_000_000, ge=1, description="The size that this file may have")


class LogSettings(RoleSettings):
    """How a program writes its log."""

    log_format: LogFormat = Field("text", description="How log lines look")
    log_level: LogLevel = Field("INFO", description="The least serious log line that is written")


class WorkerSettings(QueueSettings, DatabaseSettings, LogSettings):
    """What a worker needs."""

    env_path: ClassVar[Path | None] = ENV_FILE

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
    health_host: Host = Field(
        "127.0.0.1", description="The address on which a worker reports its health"
    )
    health_port: int | None = Field(
        None, ge=1, le=65_535, description="The port of a worker's health over HTTP"
    )
    stuck_after: float = Field(
        300, ge=3, le=86_400, description="Seconds in one turn after which a worker counts as stuck"
    )


class AlertSettings(RoleSettings):
    """When and how `signoff alert` sends alerts."""

    dead_letter_limit: int = Field(
        1000, ge=0, description="More open dead letters than this are an incident"
    )
    alert_conversion_drop: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="The part by which a fall of conversion is alerted, such as 0.2",
    )
    alert_conversion_days: int = Field(
        30, ge=1, le=730, description="Within how many days a prospect is to become a customer"
    )
    alert_command: str | None = Field(
        None,
        repr=False,
        description="What `signoff alert` runs, the alert as JSON on its standard input",
    )
    alert_url: WebhookUrl | None = Field(
        None, repr=False, description="Where `signoff alert` posts the alert as JSON"
    )
    alert_secret: Secret | None = Field(
        None, repr=False, description="The key under which posted alerts are signed"
    )


class ReviewSettings(RoleSettings):
    """How the review desk works."""

    review_lease_seconds: int = Field(
        120, ge=5, le=3600, description="Seconds that a reviewer holds a review without a sign"
    )
    undo_seconds: int = Field(
        5, ge=0, le=60, description="Seconds in which a reviewer can undo a decision"
    )


class InsightSettings(RoleSettings):
    """How customer facts are counted, and which customers should get another status."""

    timezone: TimeZone = Field(
        "UTC", description="The time zone whose days and months charts count in"
    )
    transitions_rules: RulesPath | None = Field(
        None, description="The file (TOML) with the rules of transitions; the default ones without"
    )


class RapportSettings(RoleSettings):
    """Where the contexts of customers are."""

    rapport_url: DatabaseUrl | None = Field(
        None, repr=False, description="The second Postgres, which holds the contexts of customers"
    )

    @property
    def rapport(self) -> str:
        """Its URL, with the name of the schema in which the contexts are.

        Raises:
            SettingsError: it is not set.
        """
        return with_schema(self.require("rapport_url"), RAPPORT_SCHEMA)


class StopSettings(RoleSettings):
    """How fast a service ends."""

    stop_timeout: float = Field(
        10.0,
        gt=0,
        le=300,
        description="Seconds in which `signoff serve` and `signoff webhook run` end after SIGTERM",
    )


class AccountSettings(RoleSettings):
    """How people sign in to the web service."""

    web_url: WebhookUrl | None = Field(
        None, description="The URL under which people reach the web service, such as its proxy's"
    )
    session_idle: float = Field(
        43_200, ge=60, le=2_592_000, description="Seconds without a request that end a session"
    )
    session_lifetime: float = Field(
        604_800, ge=60, le=31_536_000, description="Seconds after which a session ends in any case"
    )
    oidc_issuer: WebhookUrl | None = Field(
        None, description="The identity provider (OpenID Connect) by which people sign in"
    )
    oidc_client_id: str | None = Field(None, description="As what the provider knows this service")
    oidc_client_secret: Secret | None = Field(
        None, repr=False, description="The secret that the provider gave for it"
    )
    oidc_claim: Host = Field("roles", description="The claim of its token that holds roles")
    oidc_roles: RoleMap = Field(
        ",".join(f"{role}={role}" for role in Role),
        description="Which value of the claim gives which role",
    )

    @property
    def oidc_role_map(self) -> dict[str, Role]:
        """The roles by the value of the claim that gives them."""
        pairs = (pair.rpartition("=") for pair in self.oidc_roles.split(","))
        return {value.strip(): Role(role.strip()) for value, _, role in pairs}


class WebSettings(PublishSettings, OutboxSettings, LogSettings, StopSettings):
    """What `signoff serve` needs besides."""

    web_host: Host = Field("127.0.0.1", description="The address on which `signoff serve` listens")
    web_port: int = Field(8420, ge=1, le=65_535, description="The port on which it listens")
    web_connections: int = Field(
        1000, ge=10, le=100_000, description="Connections that it serves at the same time"
    )
    body_timeout: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Seconds that the body of a request, or the next line of one, may take",
    )
    rate_limit: int = Field(
        3_000_000, ge=1, description="Events that a key or a user may publish in a minute"
    )


class OutgoingSettings(DatabaseSettings, LogSettings, StopSettings):
    """How `signoff webhook run` sends webhooks."""

    webhook_allow_private: PrivateNetworks = Field(
        "false",
        description="Networks without public addresses to which webhooks may go; `true`: all",
    )
    webhook_concurrency: int = Field(
        4, ge=1, le=50, description="Deliveries that are sent to one receiver at the same time"
    )
    webhook_keep_days: int = Field(
        30, ge=1, le=3650, description="Days after which a delivered webhook is deleted"
    )
    web_followers: int = Field(
        100, ge=0, le=10_000, description="Readers that may follow `GET /v1/feed` at the same time"
    )


class Settings(
    WorkerSettings,
    WebSettings,
    AccountSettings,
    ReviewSettings,
    InsightSettings,
    RapportSettings,
    AlertSettings,
    OutgoingSettings,
):
    """All settings; commands read these."""

    env_path: ClassVar[Path | None] = ENV_FILE
