-- Combinations of what exposures show (the values of each column are an array), with their numbers; adds those that are
-- not there. Each is looked up by the index, which holds '' for null. One that another transaction adds at the same time
-- will be there twice.
WITH wanted AS MATERIALIZED (
    SELECT n.*, held.cell
    FROM unnest(
        %(month)s::date[], %(tags)s::integer[], %(customer_status)s::signoff_status[], %(is_first)s::boolean[],
        %(cta)s::text[]
    ) AS n(month, tags, customer_status, is_first, cta)
    LEFT JOIN LATERAL (
        SELECT cell FROM exposure_cells
        WHERE month = n.month AND tags = n.tags AND customer_status = n.customer_status AND is_first = n.is_first
            AND coalesce(cta, '') = coalesce(n.cta, '') AND cta IS NOT DISTINCT FROM n.cta
        LIMIT 1) AS held ON true
),
added AS (
    INSERT INTO exposure_cells (month, tags, customer_status, is_first, cta)
    SELECT month, tags, customer_status, is_first, cta FROM wanted WHERE cell IS NULL
    RETURNING cell, month, tags, customer_status, is_first, cta
)
SELECT cell, month, tags, customer_status, is_first, cta FROM wanted WHERE cell IS NOT NULL
UNION ALL
SELECT cell, month, tags, customer_status, is_first, cta FROM added
