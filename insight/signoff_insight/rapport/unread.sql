-- Which of `customers` (text[]) changed since the reader read up to `done` (the snapshot of its position; null: nothing):
-- those that are noted as changed, or have an event that is not visible in it.
SELECT given.user_id
FROM unnest(%(customers)b::text[]) AS given (user_id)
WHERE given.user_id IN (SELECT user_id FROM touched_customers WHERE reader = %(name)s AND user_id IS NOT NULL)
    OR EXISTS (SELECT FROM touched_customers WHERE reader = %(name)s AND user_id IS NULL)
    OR EXISTS (
        SELECT
        FROM (
            SELECT a.applied_in
            FROM (SELECT id FROM interactions WHERE user_id = given.user_id OFFSET 0) AS i
            CROSS JOIN LATERAL (SELECT applied_in FROM approvals WHERE interaction_id = i.id OFFSET 0) AS a
            UNION ALL
            SELECT a.applied_in
            FROM (SELECT event_id FROM status_decisions WHERE user_id = given.user_id OFFSET 0) AS d
            CROSS JOIN LATERAL (SELECT applied_in FROM approvals WHERE event_id = d.event_id OFFSET 0) AS a
        ) AS event
        WHERE %(done)s::pg_snapshot IS NULL OR NOT pg_visible_in_snapshot(applied_in, %(done)s::pg_snapshot))
