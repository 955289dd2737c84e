-- Up to `most` events that wait, the oldest first, from behind (`added_at`, `event_id`) on; locked, so
-- that every relay gets others. Places are asked for as text: a relay only hands them back.
SELECT ctid::text, event_id, added_at::text, event, validated_hash FROM signoff_outbox
WHERE published_at IS NULL AND refused IS NULL
    AND (added_at, event_id) > (%(added_at)s::timestamptz, %(event_id)s::uuid)
ORDER BY signoff_outbox.added_at, signoff_outbox.event_id
LIMIT %(most)s
FOR UPDATE SKIP LOCKED
