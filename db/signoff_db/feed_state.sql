-- What a reader must know before it reads, in one row.
--
-- `read_up_to`  pg_snapshot  the latest snapshot of its position; null where it has none
-- `last_event`  uuid, null where nothing was read
-- `detached`    integer      the last partition that had been detached when it was given
SELECT
    epoch.id,
    now.snapshot::text,
    pg_is_in_recovery() AS is_standby,
    signoff_is_restored() AS is_restored,
    -- Everything that the position's snapshot shows is visible now. Otherwise the server was restored to an
    -- earlier time.
    %(read_up_to)s::pg_snapshot IS NULL OR (
        pg_snapshot_xmax(%(read_up_to)s) <= pg_snapshot_xmax(now.snapshot)
        AND NOT EXISTS (
            SELECT FROM pg_snapshot_xip(now.snapshot) AS running
            WHERE pg_visible_in_snapshot(running, %(read_up_to)s))) AS is_reached,
    -- The transaction of the last event, as text; an event that is not in the ledger has no row.
    (SELECT coalesce(applied_in::text, '') FROM approvals WHERE event_id = %(last_event)s) AS last_found_in,
    (SELECT coalesce(max(id), 0) FROM feed_detachments) AS detached,
    (SELECT max(newest) FROM feed_detachments WHERE id > %(detached)s)::text AS newest_detached
FROM (SELECT signoff_feed_snapshot() AS snapshot OFFSET 0) AS now
CROSS JOIN LATERAL (SELECT * FROM feed_epochs ORDER BY epoch DESC LIMIT 1) AS epoch
