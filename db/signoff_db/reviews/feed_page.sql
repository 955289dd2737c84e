-- Decisions that are visible in the snapshot `target` and not in `done`, behind the last one that was read. FOR SHARE:
-- an undo that is under way is waited for, so no decision is told as final and undone after that.
SELECT concat('reviews-', %(head)s::text, d.decided_in, '.', d.id) AS "position", d.id, d.interaction_id, d.user_id,
    d.decision, d.reviewer, d.opened_at, d.decided_at, d.event_id, d.event, d.reject_reason,
    d.undone_at IS NOT NULL AS undone,
    d.undone_at IS NULL AND d.final_at > clock_timestamp() AS open
FROM review_decisions d
WHERE d.decided_in >= pg_snapshot_xmin(%(done)s::pg_snapshot) AND d.decided_in < pg_snapshot_xmax(%(target)s::pg_snapshot)
    AND pg_visible_in_snapshot(d.decided_in, %(target)s) AND NOT pg_visible_in_snapshot(d.decided_in, %(done)s)
    AND (%(last_in)s::xid8 IS NULL OR (d.decided_in, d.id) > (%(last_in)s::xid8, %(last_event)s::uuid))
ORDER BY d.decided_in, d.id
LIMIT %(most)s
FOR SHARE
