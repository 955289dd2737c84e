-- How many customers the newest `most` open letters of each cause name, how many letters these are, and how
-- many of them name none. The ids are read from the index alone: a cause may have many letters.
SELECT fingerprint, customers, letters, nameless
FROM unnest(%(fingerprints)s::text[]) AS cause (fingerprint),
LATERAL (
    SELECT count(DISTINCT user_id) AS customers, count(*) AS letters,
        count(*) FILTER (WHERE user_id IS NULL) AS nameless
    FROM (
        SELECT id FROM dead_letters
        WHERE state = 'dead' AND fingerprint = cause.fingerprint
        ORDER BY id DESC
        LIMIT %(most)s
    ) AS newest
    JOIN dead_letters USING (id)
) AS named
