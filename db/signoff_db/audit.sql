-- Fold the whole ledger anew and compare it with the tables, in one snapshot. One row for each field
-- that differs; `of_how_many` is their number, of which at most `limit` rows come back.
WITH
folded AS (
    SELECT a.interaction_id,
        signoff_fold(
            coalesce(i.opening_customer_status, 'PROSPECT'), coalesce(i.opening_ltv_usd, 0),
            a.customer_status, a.ltv_amount ORDER BY a.occurred_at, a.event_id) AS balance,
        signoff_last_given(a.occurred_at ORDER BY a.occurred_at, a.event_id) AS review_completed_at,
        signoff_last_given(a.event_id ORDER BY a.occurred_at, a.event_id) AS last_event_id,
        signoff_last_given(a.final_bubbles ORDER BY a.occurred_at, a.event_id) AS final_bubbles,
        signoff_last_given(a.edit_tags ORDER BY a.occurred_at, a.event_id) AS edit_tags,
        signoff_last_given(a.quality_score ORDER BY a.occurred_at, a.event_id) AS quality_score,
        signoff_last_given(a.reviewer_id ORDER BY a.occurred_at, a.event_id) AS reviewer_id,
        signoff_last_given(a.reviewer_notes ORDER BY a.occurred_at, a.event_id) AS reviewer_notes,
        signoff_last_given(a.cta_data ORDER BY a.occurred_at, a.event_id) AS cta_data,
        max(a.user_id) AS user_id
    FROM approvals a
    LEFT JOIN interactions i ON i.id = a.interaction_id
    WHERE a.interaction_id IS NOT NULL
    GROUP BY a.interaction_id
),
folded_decisions AS (
    SELECT * FROM signoff_fold_decisions(
        ARRAY(SELECT DISTINCT user_id FROM status_decisions), '-infinity')
),
decision_differences AS (
    SELECT 'decision' AS what, coalesce(d.event_id, a.event_id)::text AS key, f.field, f.expected, f.found
    FROM status_decisions d
    JOIN folded_decisions USING (event_id)
    FULL JOIN (SELECT * FROM approvals WHERE event_type = 'status_decision') AS a ON a.event_id = d.event_id
    CROSS JOIN LATERAL (VALUES
        ('void', folded_decisions.void::text, d.void::text),
        ('user_id', a.user_id, d.user_id),
        ('customer_status', a.customer_status, d.customer_status),
        ('occurred_at', a.occurred_at::text, d.occurred_at::text),
        ('rests_on', a.rests_on::text, d.rests_on::text)
    ) AS f(field, expected, found)
    WHERE f.expected IS DISTINCT FROM f.found
        -- The ledger's row may be in a detached partition.
        AND (f.field = 'void' OR a.event_id IS NOT NULL)
),
interaction_differences AS (
    SELECT 'interaction' AS what, coalesce(f.interaction_id, i.id)::text AS key, d.field, d.expected, d.found
    FROM folded f
    FULL JOIN (SELECT * FROM interactions WHERE last_event_id IS NOT NULL) AS i ON i.id = f.interaction_id
    CROSS JOIN LATERAL (VALUES
        ('customer_status', (f.balance).customer_status, i.customer_status),
        ('ltv_usd', (f.balance).ltv_usd::numeric(8,2)::text, i.ltv_usd::numeric(8,2)::text),
        ('review_status', CASE WHEN f.interaction_id IS NOT NULL THEN 'approved' END, i.review_status),
        ('review_completed_at', f.review_completed_at::text, i.review_completed_at::text),
        ('last_event_id', f.last_event_id::text, i.last_event_id::text),
        ('final_bubbles', f.final_bubbles::text, i.final_bubbles::text),
        ('edit_tags', f.edit_tags::text, i.edit_tags::text),
        ('quality_score', f.quality_score::text, i.quality_score::text),
        ('user_id', coalesce(f.user_id, i.user_id), i.user_id),
        -- If no event gave a value, it is the opening value, which only the table holds.
        ('reviewer_id', coalesce(f.reviewer_id, i.reviewer_id), i.reviewer_id),
        ('reviewer_notes', coalesce(f.reviewer_notes, i.reviewer_notes), i.reviewer_notes),
        ('cta_data', coalesce(f.cta_data, i.cta_data)::text, i.cta_data::text)
    ) AS d(field, expected, found)
    WHERE d.expected IS DISTINCT FROM d.found
),
statuses AS (
    SELECT DISTINCT ON (user_id) user_id, customer_status
    FROM (
        SELECT i.user_id, a.customer_status, a.occurred_at, a.event_id
        FROM approvals a
        JOIN interactions i ON i.id = a.interaction_id
        WHERE a.customer_status IS NOT NULL AND i.user_id IS NOT NULL
        UNION ALL
        -- The event that gave it is in a detached partition of the ledger; its position was kept.
        SELECT i.user_id, i.customer_status, i.status_occurred_at, i.status_event_id
        FROM interactions i
        WHERE i.status_event_id IS NOT NULL AND i.user_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM approvals a WHERE a.interaction_id = i.id AND a.customer_status IS NOT NULL)
        UNION ALL
        SELECT d.user_id, d.customer_status, d.occurred_at, d.event_id
        FROM status_decisions d
        JOIN folded_decisions f ON f.event_id = d.event_id
        WHERE NOT f.void
    ) AS given
    ORDER BY user_id, occurred_at DESC, event_id DESC
),
expected_customers AS (
    SELECT i.user_id, sum(coalesce((f.balance).ltv_usd, i.ltv_usd, 0)) AS ltv_usd,
        coalesce(min(s.customer_status), signoff_known_status(
            (array_agg(i.customer_status ORDER BY i.created_at DESC NULLS LAST, i.id DESC))[1])) AS customer_status
    FROM interactions i
    LEFT JOIN folded f ON f.interaction_id = i.id
    LEFT JOIN statuses s ON s.user_id = i.user_id
    WHERE i.user_id IS NOT NULL
    GROUP BY i.user_id
    UNION ALL
    -- Customers with decisions alone.
    SELECT d.user_id, 0, coalesce(min(s.customer_status), 'PROSPECT')
    FROM status_decisions d
    LEFT JOIN statuses s ON s.user_id = d.user_id
    WHERE NOT EXISTS (SELECT FROM interactions i WHERE i.user_id = d.user_id)
    GROUP BY d.user_id
),
customer_differences AS (
    SELECT 'customer' AS what, coalesce(e.user_id, c.user_id) AS key, d.field, d.expected, d.found
    FROM expected_customers e
    FULL JOIN customers c ON c.user_id = e.user_id
    CROSS JOIN LATERAL (VALUES
        ('customer_status', e.customer_status, c.customer_status),
        ('ltv_usd', coalesce(e.ltv_usd, 0)::numeric(14,2)::text, c.ltv_usd::text)
    ) AS d(field, expected, found)
    WHERE d.expected IS DISTINCT FROM d.found AND NOT (e.user_id IS NULL AND c.ltv_usd = 0)
),
event_differences AS (
    -- An open letter whose event is in the ledger with the same content: it is accounted for twice. A letter
    -- with other content under the same id is no difference.
    SELECT 'event' AS what, d.event_id::text AS key, 'place', 'ledger or dead letter ' || d.id, 'both'
    FROM dead_letters d
    JOIN approvals a ON a.event_id = d.event_id AND a.content_hash = d.content_hash
    WHERE d.state = 'dead'
),
differences AS (
    SELECT * FROM interaction_differences
    UNION ALL SELECT * FROM decision_differences
    UNION ALL SELECT * FROM customer_differences
    UNION ALL SELECT * FROM event_differences
)
SELECT what, key, field, expected, found, count(*) OVER () AS of_how_many
FROM differences
ORDER BY what, key, field
LIMIT %(limit)s
