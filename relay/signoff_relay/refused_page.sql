-- A page of the events that the queue refuses, the oldest first, behind a position; with the first characters of each.
SELECT event_id, left(event, %(characters)s) AS event, length(event) AS characters, added_at,
    left(refused, %(characters)s) AS refused
FROM signoff_outbox
WHERE refused IS NOT NULL AND (added_at, event_id) > (%(added_at)s::timestamptz, %(event_id)s::uuid)
ORDER BY signoff_outbox.added_at, signoff_outbox.event_id
LIMIT %(most)s
