-- Exposures and those that converted within `within_days`, counted by what they showed: a set of tags (their bits, 0
-- for none), a reviewer, or a CTA; and, among them, the first ones in a status. All exposures are among those by tags.
-- `bounds` are instants in order; a period is the number of those that an exposure does not precede. Of reviewers and
-- CTAs the `most` frequent are given.
-- If only some customers are asked for, {exposures} are `chosen`, so they are looked up once; else they are the table,
-- which several processes read together.
WITH chosen AS MATERIALIZED (
    SELECT s.* FROM customer_exposures s WHERE {customer_is_chosen}
),
by_tags AS MATERIALIZED (
    SELECT tags, width_bucket(exposed_at, %(bounds)s::timestamptz[]) AS period, customer_status,
        count(*) AS exposed, count(*) FILTER (WHERE converted_after <= %(within_days)s::integer) AS converted,
        count(*) FILTER (WHERE is_first) AS first_exposed,
        count(*) FILTER (WHERE is_first AND converted_after <= %(within_days)s::integer) AS first_converted
    FROM {exposures}
    WHERE (%(since)s::timestamptz IS NULL OR exposed_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR exposed_at < %(until)s::timestamptz)
    GROUP BY tags, period, customer_status
),
by_reviewer AS MATERIALIZED (
    SELECT reviewer_id, width_bucket(exposed_at, %(bounds)s::timestamptz[]) AS period, customer_status,
        count(*) AS exposed, count(*) FILTER (WHERE converted_after <= %(within_days)s::integer) AS converted,
        count(*) FILTER (WHERE is_first) AS first_exposed,
        count(*) FILTER (WHERE is_first AND converted_after <= %(within_days)s::integer) AS first_converted
    FROM {exposures}
    WHERE reviewer_id IS NOT NULL
        AND (%(since)s::timestamptz IS NULL OR exposed_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR exposed_at < %(until)s::timestamptz)
    GROUP BY reviewer_id, period, customer_status
),
by_cta AS MATERIALIZED (
    SELECT cta, width_bucket(exposed_at, %(bounds)s::timestamptz[]) AS period, customer_status,
        count(*) AS exposed, count(*) FILTER (WHERE converted_after <= %(within_days)s::integer) AS converted,
        count(*) FILTER (WHERE is_first) AS first_exposed,
        count(*) FILTER (WHERE is_first AND converted_after <= %(within_days)s::integer) AS first_converted
    FROM {exposures}
    WHERE cta IS NOT NULL
        AND (%(since)s::timestamptz IS NULL OR exposed_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR exposed_at < %(until)s::timestamptz)
    GROUP BY cta, period, customer_status
)
SELECT 'tag' AS factor, NULL AS value, tags, period, customer_status::text AS status,
    exposed, converted, first_exposed, first_converted
FROM by_tags
UNION ALL
SELECT 'reviewer', reviewer_id, 0, period, customer_status::text, exposed, converted, first_exposed, first_converted
FROM by_reviewer
WHERE reviewer_id IN (
    SELECT reviewer_id FROM by_reviewer GROUP BY reviewer_id ORDER BY sum(exposed) DESC, reviewer_id LIMIT %(most)s)
UNION ALL
SELECT 'cta', cta, 0, period, customer_status::text, exposed, converted, first_exposed, first_converted
FROM by_cta
WHERE cta IN (SELECT cta FROM by_cta GROUP BY cta ORDER BY sum(exposed) DESC, cta LIMIT %(most)s)
