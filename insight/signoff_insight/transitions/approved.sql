-- The approvals that were known at `at`; `{wanted}` limits them. Parameters: see standings.sql.
approved AS MATERIALIZED (
    SELECT i.user_id::text COLLATE "C" AS user_id, a.occurred_at, a.event_id, a.interaction_id,
        a.customer_status::text AS gave, a.ltv_amount,
        a.cta_data IS NOT NULL AND a.cta_data <> '{}' AS has_cta,
        i.opening_customer_status::text AS opening
    FROM approvals a
    JOIN interactions i ON i.id = a.interaction_id
    WHERE i.user_id IS NOT NULL AND a.occurred_at <= %(at)s AND (NOT %(by_applied)s OR a.applied_at <= %(at)s)
        AND {wanted}
)
