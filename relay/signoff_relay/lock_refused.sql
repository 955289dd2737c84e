-- Lock refused events behind a position, the oldest first, at most `most`: those of `events` (uuid[]), all where it is
-- null. A row that others have locked is being tried again, and is left out. Of an event of more than `most_bytes`
-- only the size is read.
SELECT ctid::text AS address, event_id, added_at::text AS added_at,
    CASE WHEN octet_length(event) <= %(most_bytes)s THEN event END AS event, refused
FROM signoff_outbox
WHERE refused IS NOT NULL AND (added_at, event_id) > (%(added_at)s::timestamptz, %(event_id)s::uuid)
    AND (%(events)s::uuid[] IS NULL OR event_id = ANY(%(events)s::uuid[]))
ORDER BY signoff_outbox.added_at, signoff_outbox.event_id
LIMIT %(most)s
FOR UPDATE SKIP LOCKED
