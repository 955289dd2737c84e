-- A page of the causes of the chosen letters that are dead, each with the first `characters` of the message of its
-- newest letter; and how many causes and letters there are in all. In order of `sort`: by `size`, the
-- biggest first, or by when they began, the `newest` first. `after_rank` and `after_fingerprint` are those of the last
-- cause of the page before.
WITH causes AS MATERIALIZED (
    SELECT *, CASE %(sort)s::text WHEN 'size' THEN count
        ELSE (extract(epoch FROM first_failed_at) * 1000000)::bigint END AS rank
    FROM (
        SELECT fingerprint, count(*) AS count, min(first_failed_at) AS first_failed_at,
            max(first_failed_at) AS last_arrived_at, max(last_failed_at) AS last_failed_at, max(id) AS sample_id
        FROM dead_letters
        WHERE state = 'dead' AND {chosen}
        GROUP BY fingerprint
    ) AS grouped
), page AS (
    SELECT * FROM causes
    WHERE %(after_rank)s::bigint IS NULL
        OR rank < %(after_rank)s OR (rank = %(after_rank)s AND fingerprint > %(after_fingerprint)s::text)
    ORDER BY rank DESC, fingerprint
    LIMIT %(limit)s
)
SELECT p.fingerprint, newest.kind, newest.event_type, p.count, p.first_failed_at, p.last_arrived_at, p.last_failed_at,
    left(newest.message, %(characters)s) AS message, p.sample_id, newest.event_id AS sample_event_id,
    newest.detail->0 AS first_error, p.rank,
    (SELECT count(*) FROM causes) AS causes, (SELECT sum(count)::bigint FROM causes) AS letters
FROM page p
JOIN dead_letters newest ON newest.id = p.sample_id
ORDER BY p.rank DESC, p.fingerprint
