"""From the outbox to the queue: relay, reconcile, prune."""
