-- Let the relay try refused events again: those of `events` (uuid[]), at most `most`; all where it is null. A row that
-- is locked is being tried again by `reconcile` now, and is left to it.
UPDATE signoff_outbox AS o SET refused = NULL
FROM (
    SELECT event_id FROM signoff_outbox
    WHERE refused IS NOT NULL AND (%(events)s::uuid[] IS NULL OR event_id = ANY(%(events)s::uuid[]))
    ORDER BY signoff_outbox.added_at, signoff_outbox.event_id
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
) AS chosen
WHERE o.event_id = chosen.event_id
RETURNING o.event_id
