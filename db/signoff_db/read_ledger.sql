-- Events in order of occurrence: of `events` (uuid[]), the approvals of `interactions` (uuid[]), each with its
-- interaction's balance after it, and the decisions.
SELECT event_id, event_type, occurred_at, applied_at, interaction_id, user_id, reviewer_id, quality_score,
    given_status, given_ltv, (balance).customer_status, (balance).ltv_usd::numeric(8,2) AS ltv_usd,
    given_status IS NOT NULL AND newer_statuses > 0 AS status_superseded,
    NULL AS decided_by, NULL AS reason, NULL::jsonb AS evidence, NULL::uuid AS rests_on, false AS void
FROM (
    SELECT a.event_id, a.event_type, a.occurred_at, a.applied_at, a.interaction_id, a.user_id, a.reviewer_id,
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
UNION ALL
SELECT a.event_id, a.event_type, a.occurred_at, a.applied_at, NULL, a.user_id, NULL, NULL,
    a.customer_status, NULL, NULL, NULL,
    NOT d.void AND (d.occurred_at, d.event_id) < (c.status_occurred_at, c.status_event_id),
    a.decided_by, a.reason, a.evidence, a.rests_on, d.void
FROM unnest(%(events)s::uuid[]) AS chosen (event_id)
CROSS JOIN LATERAL (SELECT * FROM status_decisions WHERE event_id = chosen.event_id OFFSET 0) AS d
CROSS JOIN LATERAL (SELECT * FROM approvals WHERE event_id = chosen.event_id OFFSET 0) AS a
CROSS JOIN LATERAL (SELECT * FROM customers WHERE user_id = d.user_id OFFSET 0) AS c
ORDER BY occurred_at, event_id
