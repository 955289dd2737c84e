-- What an approval with this status and amount would do, if it occurred now: the same aggregate as in apply.sql, over
-- the interaction's events and this one. Nothing is written or locked.
WITH interaction AS (
    SELECT i.*, signoff_known_status(i.customer_status) AS held_status
    FROM (SELECT 1) AS one
    LEFT JOIN interactions i ON i.id = %(interaction_id)s
),
customer AS (
    SELECT c.* FROM (SELECT 1) AS one LEFT JOIN customers c ON c.user_id = %(user_id)s
),
steps AS (
    SELECT a.occurred_at, a.event_id, a.customer_status, a.ltv_amount
    FROM approvals a WHERE a.interaction_id = %(interaction_id)s
    UNION ALL
    -- A new id is as likely to be the highest of its instant as any other: there is none at this instant.
    SELECT %(occurred_at)s::timestamptz, 'ffffffff-ffff-ffff-ffff-ffffffffffff', %(customer_status)s::text,
        %(ltv_amount)s::numeric
),
folded AS (
    SELECT signoff_fold(
        CASE WHEN i.last_event_id IS NULL THEN i.held_status ELSE i.opening_customer_status END,
        coalesce(CASE WHEN i.last_event_id IS NULL THEN i.ltv_usd ELSE i.opening_ltv_usd END, 0),
        s.customer_status, s.ltv_amount ORDER BY s.occurred_at, s.event_id) AS balance
    FROM steps s, interaction i
)
SELECT i.id IS NOT NULL AS known, i.user_id AS owner,
    i.held_status AS status_before, coalesce(i.ltv_usd, 0)::numeric(14,2) AS ltv_before,
    (f.balance).customer_status AS status_after, (f.balance).ltv_usd::numeric(14,2) AS ltv_after,
    coalesce((f.balance).peak_ltv_usd, 0) <= 999999.99 AS fits,
    c.user_id IS NOT NULL AS customer_known, c.customer_status AS customer_status_before,
    c.ltv_usd AS customer_ltv_before,
    CASE
        WHEN c.user_id IS NULL THEN (f.balance).customer_status
        WHEN %(customer_status)s::text IS NOT NULL AND c.status_occurred_at <= %(occurred_at)s::timestamptz
            THEN %(customer_status)s::text
        ELSE c.customer_status END AS customer_status_after,
    (coalesce(c.ltv_usd, 0) + (f.balance).ltv_usd - coalesce(i.ltv_usd, 0))::numeric(14,2) AS customer_ltv_after
FROM interaction i, customer c, folded f
