-- How many customers the newest `most` open letters of each cause name, how many letters these are, and how
-- many of them name none.
SELECT fingerprint, customers, letters, nameless
FROM unnest(%(fingerprints)s::text[]) AS cause (fingerprint),
LATERAL (
    SELECT count(DISTINCT user_id) AS customers, count(*) AS letters,
        count(*) FILTER (WHERE user_id IS NULL) AS nameless
    FROM (
        SELECT user_id FROM dead_letters d
        WHERE state = 'dead' AND d.fingerprint = cause.fingerprint
        ORDER BY id DESC
        LIMIT %(most)s
    ) AS newest
) AS named
