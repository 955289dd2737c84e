-- What approvals (`events`, uuid[]) changed in their interactions (`interactions`, uuid[]): what the interaction
-- held before and after each, in the order of occurrence; and, of an event that was applied after a newer one, the
-- event before which it took its place.
SELECT event_id,
    coalesce((before).customer_status, opening_status) AS status_before,
    coalesce((before).ltv_usd, opening_ltv)::numeric(8,2) AS ltv_before,
    (after).customer_status AS status_after,
    (after).ltv_usd::numeric(8,2) AS ltv_after,
    given_status, given_ltv,
    CASE WHEN applied_at > newer_applied_at THEN next_event END AS late_before
FROM (
    SELECT folded.*,
        lag(after) OVER (PARTITION BY interaction_id ORDER BY occurred_at, event_id) AS before,
        lead(event_id) OVER (PARTITION BY interaction_id ORDER BY occurred_at, event_id) AS next_event,
        -- Backwards: a frame that loses rows at its start would be read anew for each row.
        min(applied_at) OVER (PARTITION BY interaction_id ORDER BY occurred_at DESC, event_id DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newer_applied_at
    FROM (
        SELECT a.event_id, a.occurred_at, a.applied_at, a.interaction_id,
            a.customer_status AS given_status, a.ltv_amount AS given_ltv,
            coalesce(i.opening_customer_status, 'PROSPECT') AS opening_status,
            coalesce(i.opening_ltv_usd, 0) AS opening_ltv,
            signoff_fold(
                coalesce(i.opening_customer_status, 'PROSPECT'), coalesce(i.opening_ltv_usd, 0),
                a.customer_status, a.ltv_amount
            ) OVER (PARTITION BY a.interaction_id ORDER BY a.occurred_at, a.event_id) AS after
        FROM approvals a
        LEFT JOIN interactions i ON i.id = a.interaction_id
        WHERE a.interaction_id = ANY(%(interactions)s)
    ) AS folded
) AS step
WHERE event_id = ANY(%(events)s::uuid[])
