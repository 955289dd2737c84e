-- How many causes the open dead letters have, as far as `most`. It looks up the first letter of one cause after the
-- other in the index, so its work grows with the causes, not with the letters.
WITH RECURSIVE causes AS (
    (SELECT fingerprint FROM dead_letters WHERE state = 'dead' ORDER BY fingerprint LIMIT 1)
    UNION ALL
    SELECT (
        SELECT fingerprint FROM dead_letters
        WHERE state = 'dead' AND fingerprint > causes.fingerprint
        ORDER BY fingerprint LIMIT 1)
    FROM causes WHERE causes.fingerprint IS NOT NULL
)
SELECT count(*) FROM (SELECT FROM causes WHERE fingerprint IS NOT NULL LIMIT %(most)s) AS found
