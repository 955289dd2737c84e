-- What these approvals did to their interactions, by the fold: the balance before and after each.
SELECT event_id, amount, given_status IS NOT NULL AND newer_statuses > 0 AS status_superseded,
    (balance).customer_status, (balance).ltv_usd::numeric(14,2) AS ltv_after, ltv_before::numeric(14,2) AS ltv_before
FROM (
    SELECT folded.*, coalesce(
        lag((balance).ltv_usd) OVER (PARTITION BY interaction_id ORDER BY occurred_at, event_id),
        opening_ltv) AS ltv_before
    FROM (
        SELECT a.event_id, a.interaction_id, a.occurred_at, a.ltv_amount AS amount, a.customer_status AS given_status,
            coalesce(i.opening_ltv_usd, 0) AS opening_ltv,
            signoff_fold(
                coalesce(i.opening_customer_status, 'PROSPECT'), coalesce(i.opening_ltv_usd, 0),
                a.customer_status, a.ltv_amount
            ) OVER (PARTITION BY a.interaction_id ORDER BY a.occurred_at, a.event_id) AS balance,
            count(a.customer_status) OVER (
                PARTITION BY a.interaction_id ORDER BY a.occurred_at, a.event_id
                ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS newer_statuses
        FROM approvals a
        LEFT JOIN interactions i ON i.id = a.interaction_id
        WHERE a.interaction_id = ANY(%(interactions)s)
    ) AS folded
) AS stepped
WHERE event_id = ANY(%(events)s)
