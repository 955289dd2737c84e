-- One page of the events that were applied before there was a feed; see migration 0013.
SELECT "position", event_type, applied_at, event
FROM signoff_feed_history(%(last_event)s::uuid, %(head)s::text, %(most)s::integer,
    %(contents)s::boolean)
