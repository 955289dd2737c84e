-- The moves through the funnel that `events` (uuid[]) caused, computed over all events of the customer; of an
-- interaction without a customer, over its own events, which are found by their index (the view would read
-- the whole ledger).
SELECT user_id, from_status, to_status, occurred_at, interaction_id, event_id, on_path, decided_by
FROM status_transitions
WHERE user_id = %(user_id)s AND event_id = ANY(%(events)s::uuid[])
UNION ALL
SELECT NULL, from_status, to_status, occurred_at, interaction_id, event_id,
    signoff_on_path(from_status, to_status), decided_by
FROM (
    SELECT a.customer_status AS to_status, a.occurred_at, a.interaction_id, a.event_id,
        'reviewer:' || a.reviewer_id AS decided_by,
        coalesce(
            lag(a.customer_status) OVER (ORDER BY a.occurred_at, a.event_id),
            i.opening_customer_status, 'PROSPECT') AS from_status
    FROM interactions i
    JOIN approvals a ON a.interaction_id = i.id
    WHERE i.id = %(interaction_id)s AND i.user_id IS NULL AND a.customer_status IS NOT NULL
) AS step
WHERE from_status <> to_status AND event_id = ANY(%(events)s::uuid[])
ORDER BY occurred_at, event_id
