-- The oldest `most` waiting events: how many of them may not be published yet, when the first of these may, and since
-- when the oldest one could have been published.
SELECT
    count(*) AS looked_at,
    count(*) FILTER (WHERE due_at > clock_timestamp()) AS later,
    min(due_at) FILTER (WHERE due_at > clock_timestamp()) AS next_due_at,
    min(greatest(due_at, added_at)) FILTER (WHERE due_at IS NULL OR due_at <= clock_timestamp()) AS oldest_due_at
FROM (
    SELECT added_at, due_at FROM signoff_outbox
    WHERE published_at IS NULL AND refused IS NULL
    ORDER BY signoff_outbox.added_at, signoff_outbox.event_id
    LIMIT %(most)s
) AS oldest
