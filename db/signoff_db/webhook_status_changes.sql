-- The customers of some events whose status is another than was told last, with the event that gives it now;
-- and note that it is told. The status is that of the fold, so an event that arrives late changes nothing.
--
-- `events`  uuid[]
WITH touched AS (
    SELECT CASE a.event_type WHEN 'approval' THEN i.user_id ELSE a.user_id END AS user_id,
        max(a.applied_at) AS applied_at
    FROM unnest(%(events)s::uuid[]) AS e(event_id)
    CROSS JOIN LATERAL (
        SELECT event_type, interaction_id, user_id, applied_at FROM approvals
        WHERE event_id = e.event_id OFFSET 0
    ) AS a
    LEFT JOIN LATERAL (SELECT user_id FROM interactions WHERE id = a.interaction_id OFFSET 0) AS i ON true
    GROUP BY 1
),
changed AS (
    SELECT t.user_id, coalesce(told.customer_status, 'PROSPECT') AS from_status,
        c.customer_status AS to_status, c.status_event_id, t.applied_at
    FROM touched t
    CROSS JOIN LATERAL (
        SELECT customer_status, status_event_id FROM customers WHERE user_id = t.user_id OFFSET 0
    ) AS c
    LEFT JOIN LATERAL (
        SELECT customer_status FROM webhook_statuses WHERE user_id = t.user_id OFFSET 0
    ) AS told ON true
    WHERE c.customer_status <> coalesce(told.customer_status, 'PROSPECT')
),
told AS (
    INSERT INTO webhook_statuses (user_id, customer_status)
    SELECT user_id, to_status FROM changed
    ON CONFLICT (user_id) DO UPDATE SET customer_status = excluded.customer_status
)
SELECT c.user_id, c.from_status, c.to_status, c.applied_at, giving.event_id, giving.occurred_at,
    giving.decided_by, giving.reason
FROM changed c
LEFT JOIN LATERAL (
    SELECT event_id, occurred_at, coalesce(decided_by, 'reviewer:' || reviewer_id) AS decided_by, reason
    FROM approvals WHERE event_id = c.status_event_id OFFSET 0
) AS giving ON true
ORDER BY c.user_id
