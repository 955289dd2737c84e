-- Exposures, counted by what they showed: `factor` says whether that is a set of tags (their bits), a reviewer or a
-- CTA. An exposure is observed if it was at least `within_days` before the latest event, and converted if the customer
-- became CUSTOMER within these days. `months` are the instants at which months begin; `month` is 0 before the first.
-- Only the `most` frequent values are named (all if that is null); the others have the value null, as exposures that
-- showed none.
WITH counted AS MATERIALIZED (
    SELECT CASE %(factor)s WHEN 'tag' THEN tags::text WHEN 'reviewer' THEN reviewer_id ELSE cta END AS value,
        width_bucket(exposed_at, %(months)s::timestamptz[]) AS month, customer_status, is_first,
        count(*) AS exposed,
        count(*) FILTER (WHERE exposed_at <= %(mature_until)s::timestamptz) AS observed,
        count(*) FILTER (WHERE exposed_at <= %(mature_until)s::timestamptz
            AND converted_after <= %(within_days)s::integer) AS converted
    FROM customer_exposures s
    WHERE (%(since)s::timestamptz IS NULL OR exposed_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR exposed_at < %(until)s::timestamptz)
        AND {customer_is_chosen}
    GROUP BY 1, 2, 3, 4
),
named AS (
    SELECT value FROM counted WHERE value IS NOT NULL GROUP BY value ORDER BY sum(exposed) DESC, value LIMIT %(most)s::integer
)
SELECT named.value, month, customer_status::text AS status, is_first, sum(exposed)::bigint AS exposed,
    sum(observed)::bigint AS observed, sum(converted)::bigint AS converted
FROM counted
LEFT JOIN named USING (value)
GROUP BY 1, 2, 3, 4
