-- How often customers moved from one status to the next, and how many customers did. A customer counts with the first
-- such move in the time asked for; its first two moves are never the same.
SELECT customer_status::text AS from_status, next_status::text AS to_status,
    count(*) FILTER (WHERE is_first) AS customers, count(*) AS moves
FROM (
    SELECT s.customer_status, s.next_status,
        s.place < 2 OR NOT EXISTS (
            SELECT
            FROM customer_spells earlier
            WHERE earlier.customer = s.customer AND earlier.place < s.place
                AND earlier.customer_status = s.customer_status AND earlier.next_status = s.next_status
                AND (%(since)s::timestamptz IS NULL OR earlier.ended_at >= %(since)s::timestamptz)) AS is_first
    FROM customer_spells s
    WHERE s.next_status IS NOT NULL
        AND (%(since)s::timestamptz IS NULL OR s.ended_at >= %(since)s::timestamptz)
        AND (%(until)s::timestamptz IS NULL OR s.ended_at < %(until)s::timestamptz)
        AND {customer_is_chosen}
    OFFSET NULL -- so that several processes look for earlier moves
) AS move
GROUP BY customer_status, next_status
ORDER BY customer_status, next_status
