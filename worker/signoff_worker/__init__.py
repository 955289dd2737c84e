"""The worker that takes events off the queue, many at a time, and applies them."""

from signoff_worker.worker import ApprovalWorker

__all__ = ["ApprovalWorker"]
