-- `events` (uuid[]) with their customers, each customer's in order; columns as in events.sql, but for the customer. An
-- event of an interaction without a user is nobody's.
SELECT user_id, occurred_at,
    least(greatest((occurred_at AT TIME ZONE %(timezone)s)::date, '0001-01-01'), '9999-12-31') AS day,
    customer_status, interaction_id, reviewer_id, edit_tags::text, signoff_cta_label(cta_data) AS cta, opening_status,
    ltv_amount
FROM (
    SELECT CASE a.event_type WHEN 'approval' THEN i.user_id ELSE a.user_id END AS user_id, a.event_id, a.occurred_at,
        a.customer_status, a.interaction_id, a.reviewer_id, a.edit_tags, a.cta_data, i.opening_status, a.ltv_amount
    FROM approvals a
    LEFT JOIN LATERAL (
        SELECT user_id, signoff_status_of(signoff_status_number(opening_customer_status)) AS opening_status
        FROM interactions
        WHERE id = a.interaction_id
        OFFSET 0) AS i ON true
    WHERE a.event_id = ANY(%(events)s::uuid[])
) AS event
WHERE user_id IS NOT NULL
ORDER BY user_id, occurred_at, event_id
