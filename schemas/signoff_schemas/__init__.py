"""The contract between upstream services and Signoff: the event, its envelope, its verdicts."""

from signoff_schemas.envelope import (
    FUNCTION,
    MAX_JOB_BYTES,
    Identity,
    decode_job,
    encode_job,
    first_bytes,
    inflate,
)
from signoff_schemas.errors import SettingsError, SignoffError
from signoff_schemas.event import (
    MAX_EVENT_BYTES,
    SCHEMA_VERSION,
    ApprovalEvent,
    content_hash,
)
from signoff_schemas.invalid import InvalidEvent, Problem, fingerprint
from signoff_schemas.masking import masked
from signoff_schemas.redis_url import async_redis_client, plain_url, redis_client
from signoff_schemas.settings import (
    AlertSettings,
    DatabaseSettings,
    LogSettings,
    OutboxSettings,
    PublishSettings,
    QueueSettings,
    Settings,
    WorkerSettings,
)
from signoff_schemas.taxonomy import CUSTOMER_STATUSES, EDIT_TAGS, CustomerStatus, EditTag
from signoff_schemas.verdicts import DeadLetterState, FailureKind, Verdict

__all__ = [
    "CUSTOMER_STATUSES",
    "EDIT_TAGS",
    "FUNCTION",
    "MAX_EVENT_BYTES",
    "MAX_JOB_BYTES",
    "SCHEMA_VERSION",
    "AlertSettings",
    "ApprovalEvent",
    "CustomerStatus",
    "DatabaseSettings",
    "DeadLetterState",
    "EditTag",
    "FailureKind",
    "Identity",
    "InvalidEvent",
    "LogSettings",
    "OutboxSettings",
    "Problem",
    "PublishSettings",
    "QueueSettings",
    "Settings",
    "SettingsError",
    "SignoffError",
    "Verdict",
    "WorkerSettings",
    "async_redis_client",
    "content_hash",
    "decode_job",
    "encode_job",
    "fingerprint",
    "first_bytes",
    "inflate",
    "masked",
    "plain_url",
    "redis_client",
]
