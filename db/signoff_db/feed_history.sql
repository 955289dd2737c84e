-- One page of the events that were applied before there was a feed; see migration 0019.
SELECT transaction, applied_at, lines
FROM signoff_feed_history(%(last_event)s::uuid, %(most)s::integer, %(contents)s::boolean)
