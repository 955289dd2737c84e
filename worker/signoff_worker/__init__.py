"""The worker that takes approval events off the queue, many at a time, and applies them."""

from signoff_worker.worker import ApprovalWorker

__all__ = ["ApprovalWorker"]
