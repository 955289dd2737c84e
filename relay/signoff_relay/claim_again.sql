-- Those of `events` (uuid[]) that are there and that no other `reconcile` has in hand; locked.
SELECT ctid::text, event_id, added_at::text, event, validated_hash FROM signoff_outbox
WHERE event_id = ANY(%(events)s) AND (published_at IS NOT NULL OR refused IS NOT NULL)
ORDER BY signoff_outbox.event_id
FOR UPDATE SKIP LOCKED
