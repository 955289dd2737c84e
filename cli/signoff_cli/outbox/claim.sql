-- Up to `most` events that wait, the oldest first, from behind (`added_at`, `event_id`) on; locked, so
-- that every relay gets others.
SELECT event_id, added_at, event FROM signoff_outbox
WHERE published_at IS NULL AND refused IS NULL
    AND (added_at, event_id) > (%(added_at)s::timestamptz, %(event_id)s::uuid)
ORDER BY added_at, event_id
LIMIT %(most)s
FOR UPDATE SKIP LOCKED
