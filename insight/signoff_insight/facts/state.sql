-- The state of the facts, how many partitions of the ledger are detached now, whether the reader's position is there,
-- which changes without an event are noted for it (touched/tracking.py), and whether somebody keeps the facts: a
-- process that does notes it each minute, and with each part of a rebuild.
SELECT timezone, definitions, detached, rebuilt_upto, customers_rebuilt, customers_to_rebuild, rebuilt_at, data_until,
    (SELECT count(*)::integer FROM feed_detachments) AS detached_now,
    EXISTS (SELECT FROM feed_readers WHERE name = 'insight') AS has_position,
    (SELECT last_value::integer FROM insight_tracking) AS tracking,
    EXISTS (
        SELECT FROM feed_readers WHERE name = 'insight' AND updated_at > now() - interval '3 minutes') AS is_kept
FROM insight_state
