-- Those of `events` (uuid[]) that are there and that no other `reconcile` has in hand; locked.
SELECT event_id, added_at, event FROM signoff_outbox
WHERE event_id = ANY(%(events)s) AND (published_at IS NOT NULL OR refused IS NOT NULL)
ORDER BY event_id
FOR UPDATE SKIP LOCKED
