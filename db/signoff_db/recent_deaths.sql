-- How many open letters of the kind `abandoned` failed in the last hour, of the newest `most`.
SELECT count(*) FROM (
    SELECT last_failed_at FROM dead_letters
    WHERE state = 'dead' AND kind = 'abandoned'
    ORDER BY id DESC
    LIMIT %(most)s
) AS newest
WHERE last_failed_at > now() - interval '1 hour'
