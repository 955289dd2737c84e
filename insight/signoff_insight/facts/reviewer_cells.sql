-- The same as `cells.sql`, of whose approvals exposures were.
WITH wanted AS MATERIALIZED (
    SELECT n.*, held.reviewer_cell
    FROM unnest(
        %(month)s::date[], %(customer_status)s::signoff_status[], %(is_first)s::boolean[], %(reviewer_id)s::text[]
    ) AS n(month, customer_status, is_first, reviewer_id)
    LEFT JOIN LATERAL (
        SELECT reviewer_cell FROM exposure_reviewers
        WHERE month = n.month AND customer_status = n.customer_status AND is_first = n.is_first
            AND coalesce(reviewer_id, '') = coalesce(n.reviewer_id, '')
            AND reviewer_id IS NOT DISTINCT FROM n.reviewer_id
        LIMIT 1) AS held ON true
),
added AS (
    INSERT INTO exposure_reviewers (month, customer_status, is_first, reviewer_id)
    SELECT month, customer_status, is_first, reviewer_id FROM wanted WHERE reviewer_cell IS NULL
    RETURNING reviewer_cell, month, customer_status, is_first, reviewer_id
)
SELECT reviewer_cell, month, customer_status, is_first, reviewer_id FROM wanted WHERE reviewer_cell IS NOT NULL
UNION ALL
SELECT reviewer_cell, month, customer_status, is_first, reviewer_id FROM added
