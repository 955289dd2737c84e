"""The contract between upstream services and Signoff: the event, its envelope, its verdicts."""

from signoff_schemas.approval import ApprovalEvent
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
from signoff_schemas.event import MAX_EVENT_BYTES, Event, Source, content_hash
from signoff_schemas.fields import SCHEMA_VERSION
from signoff_schemas.invalid import InvalidEvent, Problem, fingerprint
from signoff_schemas.kinds import (
    KINDS,
    AnyEvent,
    Kind,
    kind_of,
    parse_event,
)
from signoff_schemas.masking import masked
from signoff_schemas.redis_url import async_redis_client, plain_url, redis_client
from signoff_schemas.review import InvalidReview, ReviewDraft, approval_of
from signoff_schemas.settings import (
    AccountSettings,
    AlertSettings,
    DatabaseSettings,
    InsightSettings,
    LogSettings,
    OutboxSettings,
    OutgoingSettings,
    PublishSettings,
    QueueSettings,
    RapportSettings,
    ReviewSettings,
    Settings,
    StopSettings,
    WebSettings,
    WorkerSettings,
)
from signoff_schemas.status_decision import StatusDecision
from signoff_schemas.taxonomy import CUSTOMER_STATUSES, EDIT_TAGS, CustomerStatus, EditTag
from signoff_schemas.verdicts import DeadLetterState, FailureKind, Verdict

__all__ = [
    "CUSTOMER_STATUSES",
    "EDIT_TAGS",
    "FUNCTION",
    "KINDS",
    "MAX_EVENT_BYTES",
    "MAX_JOB_BYTES",
    "SCHEMA_VERSION",
    "AccountSettings",
    "AlertSettings",
    "AnyEvent",
    "ApprovalEvent",
    "CustomerStatus",
    "DatabaseSettings",
    "DeadLetterState",
    "EditTag",
    "Event",
    "FailureKind",
    "Identity",
    "InsightSettings",
    "InvalidEvent",
    "InvalidReview",
    "Kind",
    "LogSettings",
    "OutboxSettings",
    "OutgoingSettings",
    "Problem",
    "PublishSettings",
    "QueueSettings",
    "RapportSettings",
    "ReviewDraft",
    "ReviewSettings",
    "Settings",
    "SettingsError",
    "SignoffError",
    "Source",
    "StatusDecision",
    "StopSettings",
    "Verdict",
    "WebSettings",
    "WorkerSettings",
    "approval_of",
    "async_redis_client",
    "content_hash",
    "decode_job",
    "encode_job",
    "fingerprint",
    "first_bytes",
    "inflate",
    "kind_of",
    "masked",
    "parse_event",
    "plain_url",
    "redis_client",
]
