-- Exposures of `since` to `until` (instants, or null); those of them that were observed for `within_days`, until the
-- latest event; and of these those that converted in that time, counted by what they showed: a set of tags (their bits,
-- 0 for none), a reviewer, or a CTA. All first exposures are among those by tags. Of reviewers and CTAs the `most` frequent
-- are given.
-- The exposures are read once, and counted by each of their two numbers; then these counts are added up by value. Few are
-- not observed, so these are what is counted; integers are added up in less time than bigints.
WITH by_number AS MATERIALIZED (
    SELECT cell, reviewer_cell, count(*)::integer AS exposed,
        (count(*) - count(*) FILTER (WHERE exposed_at > %(mature_until)s::timestamptz))::integer AS observed,
        count(*) FILTER (WHERE converted_after <= %(within_days)s::integer
            AND exposed_at <= %(mature_until)s::timestamptz)::integer AS converted
    FROM customer_exposures s
    WHERE (%(since)s::timestamptz IS NULL OR exposed_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR exposed_at < %(until)s::timestamptz)
        AND {row_is_chosen}
    GROUP BY GROUPING SETS (cell, reviewer_cell)
),
by_shown AS MATERIALIZED (
    SELECT GROUPING(tags) = 0 AS is_by_tags, tags, cta, month, customer_status::text AS status, is_first,
        sum(exposed) AS exposed, sum(observed) AS observed, sum(converted) AS converted
    FROM by_number
    JOIN exposure_cells USING (cell)
    GROUP BY month, customer_status, is_first, GROUPING SETS (tags, cta)
),
by_reviewer AS MATERIALIZED (
    SELECT reviewer_id, month, customer_status::text AS status, is_first,
        sum(exposed) AS exposed, sum(observed) AS observed, sum(converted) AS converted
    FROM by_number
    JOIN exposure_reviewers USING (reviewer_cell)
    WHERE reviewer_id IS NOT NULL
    GROUP BY reviewer_id, month, customer_status, is_first
)
SELECT 'tag' AS factor, NULL AS value, tags, month, status, is_first, exposed, observed, converted
FROM by_shown
WHERE is_by_tags
UNION ALL
SELECT 'reviewer', reviewer_id, 0, month, status, is_first, exposed, observed, converted
FROM by_reviewer
WHERE reviewer_id IN (
    SELECT reviewer_id FROM by_reviewer GROUP BY reviewer_id ORDER BY sum(exposed) DESC, reviewer_id LIMIT %(most)s)
UNION ALL
SELECT 'cta', cta, 0, month, status, is_first, exposed, observed, converted
FROM by_shown
WHERE cta IN (
    SELECT cta FROM by_shown WHERE cta IS NOT NULL GROUP BY cta ORDER BY sum(exposed) DESC, cta LIMIT %(most)s)
