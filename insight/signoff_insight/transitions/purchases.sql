-- The purchases of customers, from `approved`: events with an amount after which their interaction was CUSTOMER, by
-- day; and what each customer bought in all.
paid AS (
    SELECT user_id, purchased_on, sum(ltv_amount) AS spent_usd,
        min(purchased_on) OVER (PARTITION BY user_id) AS first_on
    FROM (
        -- A wrong clock may say the year 1, which is the one before in some time zones. Programs know no such day.
        SELECT user_id, greatest((occurred_at AT TIME ZONE %(timezone)s)::date, '0001-01-01') AS purchased_on,
            ltv_amount
        FROM approved a
        WHERE ltv_amount IS NOT NULL AND 'CUSTOMER' = coalesce(
            gave,
            (SELECT p.customer_status::text
            FROM approvals p
            WHERE p.interaction_id = a.interaction_id AND p.customer_status IS NOT NULL
                AND (p.occurred_at, p.event_id) < (a.occurred_at, a.event_id)
                AND (NOT %(by_applied)s OR p.applied_at <= %(at)s)
            ORDER BY p.occurred_at DESC, p.event_id DESC
            LIMIT 1),
            opening)
    ) AS purchase
    GROUP BY user_id, purchased_on
),
bought AS MATERIALIZED (
    SELECT user_id, count(*) AS purchase_days, min(purchased_on) AS first_purchase_on,
        max(purchased_on) AS last_purchase_on, sum(spent_usd) AS spent_usd,
        coalesce(sum(spent_usd) FILTER (WHERE purchased_on > first_on), 0) AS repeat_spent_usd
    FROM paid
    GROUP BY user_id
)
