-- As feed_state.sql, for the decisions about reviews: nothing of them is ever detached.
SELECT
    epoch.id,
    now.snapshot::text,
    pg_is_in_recovery() AS is_standby,
    signoff_is_restored() AS is_restored,
    %(read_up_to)s::pg_snapshot IS NULL OR (
        pg_snapshot_xmax(%(read_up_to)s) <= pg_snapshot_xmax(now.snapshot)
        AND NOT EXISTS (
            SELECT FROM pg_snapshot_xip(now.snapshot) AS running
            WHERE pg_visible_in_snapshot(running, %(read_up_to)s))) AS is_reached,
    (SELECT decided_in::text FROM review_decisions WHERE id = %(last_event)s) AS last_found_in,
    %(detached)s::bigint AS detached,
    NULL AS newest_detached
FROM (SELECT signoff_feed_snapshot() AS snapshot OFFSET 0) AS now
CROSS JOIN LATERAL (SELECT * FROM feed_epochs ORDER BY epoch DESC LIMIT 1) AS epoch
