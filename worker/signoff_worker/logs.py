"""Log lines: for people, or one JSON object a line."""

import json
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from signoff_db.apply import Outcome
from signoff_schemas.wording import printable, shortened
from signoff_worker.batch import Batch

log = logging.getLogger("signoff.worker")

_MESSAGE_LIMIT: Final = 4000
_VALUE_LIMIT: Final = 500
"""The most characters of a text in a line: a job's id may have any length."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object; `extra={"fields": {...}}` become its members."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without line breaks."""
        fields = getattr(record, "fields", {})
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": shortened(record.getMessage(), _MESSAGE_LIMIT),
            **{
                name: shortened(value, _VALUE_LIMIT) if isinstance(value, str) else value
                for name, value in fields.items()
            },
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """Writes a record as a line for people; its fields follow as name=value.

    Text from outside cannot forge a line: each line begins with its time, but those of a traceback,
    which are indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback, if there is one, follows it."""
        fields = getattr(record, "fields", {})
        tail = "".join(f" {name}={_value(value)}" for name, value in fields.items())
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%Y-%m-%d %H:%M:%S%z")
        text = printable(record.getMessage(), limit=_MESSAGE_LIMIT)
        line = f"{at} {record.levelname:<7} {text}{tail}"
        return f"{line}\n{self._traceback(record)}" if record.exc_info else line

    def _traceback(self, record: logging.LogRecord) -> str:
        lines = self.formatException(record.exc_info or (None, None, None)).splitlines()
        return "\n".join(f"  {printable(one, limit=_MESSAGE_LIMIT)}" for one in lines)


def _value(value: object) -> str:
    return printable(str(value), limit=_VALUE_LIMIT)


def configure(style: Literal["text", "json"], level: str) -> None:
    """Send Signoff's and RQ's log lines to standard error, once, in this style."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    for name in ("signoff", "rq"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False
    logging.getLogger("rq.worker").setLevel(max(logging.getLevelName(level), logging.WARNING))


def log_batch(batch: Batch, outcomes: Sequence[Outcome]) -> None:
    """Log a line for the batch, and one for each of its dead letters; no texts, no amounts."""
    log.info("batch", extra={"fields": batch.report.fields})
    for outcome in outcomes:
        if outcome.failure and not outcome.retry:
            event = outcome.delivery.identity.event_id or outcome.delivery.job_id
            fields = {"event": event, "kind": str(outcome.failure.kind)}
            log.warning("dead letter: %s", outcome.failure.loggable, extra={"fields": fields})
    if batch.missing_jobs:
        log.warning(
            "%d job ids had no job any more: %s",
            len(batch.missing_jobs),
            ", ".join(batch.missing_jobs[:10]),
        )
