-- One page of the feed; see signoff_feed_page in migration 0019.
SELECT transaction, applied_at, lines
FROM signoff_feed_page(%(done)s::pg_snapshot, %(target)s::pg_snapshot, %(last_in)s::xid8, %(last_event)s::uuid,
    %(most)s::integer, %(contents)s::boolean)
