-- When the open letters of some causes came, for a small chart of each: of `parts` equal parts of the time from
-- `begins` to `ends`, those that are not empty; and how many came in the last ten minutes. `fingerprints` text[], `begins` timestamptz[], in the same order.
SELECT fingerprint, part, count(*),
    count(*) FILTER (WHERE first_failed_at > %(ends)s::timestamptz - interval '10 minutes')
FROM (
    SELECT fingerprint, first_failed_at, width_bucket(
        date_part('epoch', first_failed_at), date_part('epoch', begins),
        date_part('epoch', %(ends)s::timestamptz), %(parts)s::integer) AS part
    FROM unnest(%(fingerprints)s::text[], %(begins)s::timestamptz[]) AS cause (fingerprint, begins)
    JOIN dead_letters USING (fingerprint)
    WHERE state = 'dead' AND first_failed_at >= begins
) AS letter
GROUP BY fingerprint, part
