-- How long spells last, one row for each status and number of days; as in durations_steps.sql.
SELECT customer_status::text AS customer_status, least(took, observed) AS day,
    count(*) FILTER (WHERE took <= observed) AS ended,
    count(*) FILTER (WHERE took <= observed IS NOT true) AS still_open,
    count(took) AS ended_so_far,
    coalesce(sum(seconds), 0) AS ended_seconds
FROM (
    SELECT customer_status, seconds, ceil(seconds / 86400)::integer AS took,
        floor(date_part('epoch', %(observed_until)s::timestamptz - began_at) / 86400)::integer AS observed
    FROM (
        SELECT s.customer_status, s.began_at, date_part('epoch', s.ended_at - s.began_at) AS seconds
        FROM customer_spells s
        WHERE s.began_at IS NOT NULL
            AND (%(since)s::timestamptz IS NULL OR s.began_at >= %(since)s::timestamptz)
            AND (%(until)s::timestamptz IS NULL OR s.began_at < %(until)s::timestamptz)
            AND {customer_is_chosen}
        OFFSET NULL
    ) AS spell
    OFFSET NULL
) AS spent
GROUP BY customer_status, day
