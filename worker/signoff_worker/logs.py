"""Log lines: for people, or one JSON object a line."""

import json
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from signoff_db.apply import Outcome
from signoff_worker.batch import Batch

log = logging.getLogger("signoff.worker")


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object; `extra={"fields": {...}}` become its members."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without line breaks."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """Writes a record as a line to read; its fields follow as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback below it if there is one."""
        fields = getattr(record, "fields", {})
        tail = "".join(f" {name}={value}" for name, value in fields.items())
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%Y-%m-%d %H:%M:%S%z")
        line = f"{at} {record.levelname:<7} {record.getMessage()}{tail}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


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
    """One line for the batch, and one for each of its dead letters; no texts, no amounts."""
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
