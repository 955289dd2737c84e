-- The events of `interactions` (uuid[]) in order of occurrence, each with its interaction's balance
-- after it; only `events` (uuid[]) of them.
SELECT event_id, occurred_at, applied_at, interaction_id, user_id, reviewer_id, quality_score,
    given_status, given_ltv, (balance).customer_status, (balance).ltv_usd::numeric(8,2) AS ltv_usd,
    given_status IS NOT NULL AND newer_statuses > 0 AS status_superseded
FROM (
    SELECT a.event_id, a.occurred_at, a.applied_at, a.interaction_id, a.user_id, a.reviewer_id,
        a.quality_score, a.customer_status AS given_status, a.ltv_amount AS given_ltv,
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
WHERE event_id = ANY(%(events)s::uuid[])
ORDER BY occurred_at, event_id
