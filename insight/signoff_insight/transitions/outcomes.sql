-- What customers bought after `at` until `until`; nobody without `until`. This is the only place that reads events
-- which were not known at `at`.
outcomes AS (
    SELECT i.user_id::text COLLATE "C" AS user_id, sum(a.ltv_amount) AS revenue_usd
    FROM approvals a
    JOIN interactions i ON i.id = a.interaction_id
    WHERE a.occurred_at > %(at)s AND a.occurred_at <= %(until)s::timestamptz AND a.ltv_amount IS NOT NULL
        AND 'CUSTOMER' = coalesce(
            a.customer_status::text,
            (SELECT p.customer_status::text
            FROM approvals p
            WHERE p.interaction_id = a.interaction_id AND p.customer_status IS NOT NULL
                AND (p.occurred_at, p.event_id) < (a.occurred_at, a.event_id)
            ORDER BY p.occurred_at DESC, p.event_id DESC
            LIMIT 1),
            i.opening_customer_status::text)
    GROUP BY i.user_id
)
