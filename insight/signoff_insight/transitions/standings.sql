-- The standings of customers as of an instant: what was known of each then. Parts that statements begin with, after
-- WITH; `{wanted}` limits the customers.
--
-- Parameters: `at`; `by_applied`: whether only events count that were applied by `at`, else those that occurred by then
-- count whenever they arrived; `timezone`, whose days count.
{approved},
-- Events in detached partitions are not in the ledger any more: they were known.
decided AS MATERIALIZED (
    SELECT i.user_id COLLATE "C" AS user_id, i.occurred_at, i.event_id,
        i.customer_status::text AS gave, i.decided_by, i.rests_on, i.rests_on_occurred_at, i.blocked, i.void,
        (i.occurred_at, i.event_id)::signoff_position AS own
    FROM status_decisions i
    LEFT JOIN approvals a ON %(by_applied)s AND a.event_id = i.event_id
    WHERE i.occurred_at <= %(at)s AND (a.event_id IS NULL OR a.applied_at <= %(at)s) AND {wanted}
),
-- Which decisions counted then. By occurrence, those that count now: what makes a decision void stands before it in the
-- order. By application, the fold of 0012.status_decisions.sql over the events that were known.
resting AS MATERIALIZED (
    SELECT d.event_id,
        CASE WHEN NOT d.blocked AND ground.place < d.own THEN ground.place END AS ground
    FROM decided d
    LEFT JOIN approved a ON a.event_id = d.rests_on AND a.user_id = d.user_id
    LEFT JOIN decided before ON before.event_id = d.rests_on AND before.user_id = d.user_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN coalesce(a.occurred_at, before.occurred_at, d.rests_on_occurred_at) IS NOT NULL THEN
            (coalesce(a.occurred_at, before.occurred_at, d.rests_on_occurred_at), d.rests_on)::signoff_position
            END AS place
    ) AS ground
    WHERE %(by_applied)s AND d.rests_on IS NOT NULL
),
folded AS (
    SELECT is_decision, own,
        signoff_last_counted(rests, ground, own)
            OVER (PARTITION BY user_id ORDER BY own ROWS UNBOUNDED PRECEDING) AS last
    FROM (
        SELECT d.user_id, true AS is_decision, d.rests_on IS NOT NULL AS rests, r.ground, d.own
        FROM decided d
        LEFT JOIN resting r USING (event_id)
        WHERE d.user_id IN (SELECT user_id FROM decided JOIN resting USING (event_id))
        UNION ALL
        SELECT user_id, false, false, NULL, (occurred_at, event_id)::signoff_position
        FROM approved
        WHERE (gave IS NOT NULL OR ltv_amount IS NOT NULL)
            AND user_id IN (SELECT user_id FROM decided JOIN resting USING (event_id))
    ) AS place
),
counted AS (
    SELECT d.*
    FROM decided d
    LEFT JOIN folded f ON f.is_decision AND (f.own).event_id = d.event_id
    WHERE d.rests_on IS NULL OR CASE WHEN %(by_applied)s THEN f.last = f.own ELSE NOT d.void END
),
-- The events that count, of both kinds.
events AS MATERIALIZED (
    SELECT user_id, occurred_at, event_id, interaction_id, gave, ltv_amount, has_cta, opening, true AS is_approval,
        gave IS NOT NULL AS by_person
    FROM approved
    UNION ALL
    SELECT user_id, occurred_at, event_id, NULL, gave, NULL, false, NULL, false, decided_by LIKE 'user:%%'
    FROM counted
),
-- The event that began the status that each customer had then; nothing where it was never changed.
began AS MATERIALIZED (
    SELECT DISTINCT ON (user_id) user_id, gave, occurred_at, event_id
    FROM (
        SELECT user_id, gave, occurred_at, event_id,
            coalesce(
                lag(gave) OVER (PARTITION BY user_id ORDER BY occurred_at, event_id),
                {opening}, {newest_opening}, 'PROSPECT') AS before
        FROM events e
        WHERE gave IS NOT NULL
    ) AS given
    WHERE gave <> before
    ORDER BY user_id, occurred_at DESC, event_id DESC
),
detached AS (
    SELECT user_id COLLATE "C" AS user_id, true AS has_detached FROM customers WHERE last_detached IS NOT NULL
),
totals AS (
    SELECT e.user_id,
        max(e.gave) AS gave,
        min(e.occurred_at) AS first_event_at,
        max(e.occurred_at) AS last_event_at,
        max(e.occurred_at) FILTER (WHERE e.is_approval) AS last_approval_at,
        max(e.occurred_at) FILTER (WHERE e.by_person) AS last_human_status_at,
        count(*) FILTER (WHERE e.is_approval) AS approvals,
        count(*) FILTER (WHERE e.is_approval
            AND (b.event_id IS NULL OR (e.occurred_at, e.event_id) > (b.occurred_at, b.event_id)))
            AS approvals_in_status,
        count(*) FILTER (WHERE e.has_cta) AS ctas
    FROM events e
    LEFT JOIN began b USING (user_id)
    GROUP BY e.user_id
),
{purchases},
standings AS MATERIALIZED (
    SELECT t.user_id, t.last_event_at, t.last_approval_at, t.last_human_status_at, t.approvals, t.approvals_in_status,
        t.ctas, status.held AS customer_status,
        CASE
            WHEN b.event_id IS NOT NULL THEN b.occurred_at
            WHEN status.held = 'PROSPECT' AND d.has_detached IS NULL THEN t.first_event_at
        END AS status_since,
        coalesce(p.purchase_days, 0) AS purchase_days, p.first_purchase_on, p.last_purchase_on,
        coalesce(p.spent_usd, 0) AS spent_usd, coalesce(p.repeat_spent_usd, 0) AS repeat_spent_usd,
        d.has_detached IS NULL AS is_whole
    FROM totals t
    LEFT JOIN began b USING (user_id)
    LEFT JOIN detached d USING (user_id)
    LEFT JOIN bought p USING (user_id)
    CROSS JOIN LATERAL (
        SELECT coalesce(b.gave, t.gave, (SELECT {newest_opening} FROM (SELECT t.user_id) AS e), 'PROSPECT') AS held
    ) AS status
)
