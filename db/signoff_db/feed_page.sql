-- One page of the feed; see signoff_feed_page in migration 0013.
SELECT "position", event_type, applied_at, event
FROM signoff_feed_page(%(done)s::pg_snapshot, %(target)s::pg_snapshot, %(last_in)s::xid8, %(last_event)s::uuid,
    %(head)s::text, %(most)s::integer, %(contents)s::boolean)
