-- How many letters are chosen, counted up to `most`. Each state is counted by itself, as in
-- list_dead_letters.sql.
SELECT count(*) FROM (
    (SELECT 1 FROM dead_letters WHERE state = 'dead' AND 'dead' = ANY(%(states)s) AND {chosen} LIMIT %(most)s)
    UNION ALL
    (SELECT 1 FROM dead_letters WHERE state = 'resolved' AND 'resolved' = ANY(%(states)s) AND {chosen} LIMIT %(most)s)
    UNION ALL
    (SELECT 1 FROM dead_letters WHERE state = 'discarded' AND 'discarded' = ANY(%(states)s) AND {chosen} LIMIT %(most)s)
    LIMIT %(most)s
) AS found
