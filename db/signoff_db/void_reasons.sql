-- Why decisions (`events`, uuid[]) are void now: one row for each that is. The fold says whether one is void
-- (signoff_fold_decisions); this names the event that is the reason. It looks at 1,000 events in between at most.
SELECT d.event_id AS decision,
    CASE
        WHEN rests.occurred_at IS NULL AND rests.stored THEN 'other_customer'
        WHEN rests.occurred_at IS NULL THEN 'not_arrived'
        WHEN rests.occurred_at > d.occurred_at
            OR rests.occurred_at = d.occurred_at AND d.rests_on > d.event_id THEN 'rests_on_later'
        WHEN d.blocked AND between_them.event_id IS NULL THEN 'detached'
        ELSE 'stands_between'
    END AS cause,
    coalesce(between_them.event_id, d.rests_on) AS event_id,
    CASE WHEN between_them.event_id IS NULL THEN rests.occurred_at ELSE between_them.occurred_at END AS occurred_at
FROM unnest(%(events)s::uuid[]) AS chosen (event_id)
CROSS JOIN LATERAL (SELECT * FROM status_decisions WHERE event_id = chosen.event_id AND void OFFSET 0) AS d
CROSS JOIN LATERAL (
    SELECT coalesce(signoff_occurred_at(d.rests_on, d.user_id), d.rests_on_occurred_at) AS occurred_at,
        EXISTS (SELECT FROM approvals WHERE event_id = d.rests_on) AS stored
) AS rests
LEFT JOIN LATERAL (
    SELECT event_id, occurred_at
    FROM (
        -- As in signoff_giving_after.
        (SELECT approval.event_id, approval.occurred_at
        FROM (
            SELECT id FROM interactions
            WHERE user_id = d.user_id
                AND (review_completed_at, last_event_id) > (rests.occurred_at, d.rests_on)
            OFFSET 0
        ) AS own
        CROSS JOIN LATERAL (
            SELECT event_id, occurred_at
            FROM approvals a
            WHERE a.interaction_id = own.id
                AND (a.occurred_at, a.event_id) > (rests.occurred_at, d.rests_on)
                AND (a.occurred_at, a.event_id) < (d.occurred_at, d.event_id)
                AND (a.customer_status IS NOT NULL OR a.ltv_amount IS NOT NULL)
            OFFSET 0
        ) AS approval
        LIMIT 1000)
        UNION ALL
        (SELECT other.event_id, other.occurred_at
        FROM status_decisions other
        WHERE other.user_id = d.user_id AND NOT other.void
            AND (other.occurred_at, other.event_id) > (rests.occurred_at, d.rests_on)
            AND (other.occurred_at, other.event_id) < (d.occurred_at, d.event_id)
        LIMIT 1)
    ) AS found
    ORDER BY occurred_at, event_id
    LIMIT 1
) AS between_them ON true
