-- The customers that a rebuild comes to next: of the ledger, and those that have only reviews.
SELECT user_id
FROM (
    (SELECT user_id FROM customers
    WHERE %(after)s::text IS NULL OR user_id > %(after)s::text ORDER BY user_id LIMIT %(most)s)
    UNION
    (SELECT DISTINCT user_id FROM reviews
    WHERE %(after)s::text IS NULL OR user_id > %(after)s::text ORDER BY user_id LIMIT %(most)s)
) AS found
ORDER BY user_id
LIMIT %(most)s
