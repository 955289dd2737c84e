-- How often customers moved from one status to the next, and how many customers did. A customer counts with the first
-- such move in the time asked for; its first two moves are never the same.
SELECT s.customer_status::text AS from_status, s.next_status::text AS to_status,
    signoff_on_path(s.customer_status::text, s.next_status::text) AS on_path,
    count(*) FILTER (WHERE s.place < 2 OR NOT EXISTS (
        SELECT
        FROM customer_spells earlier
        WHERE earlier.customer = s.customer AND earlier.place < s.place
            AND earlier.customer_status = s.customer_status AND earlier.next_status = s.next_status
            AND (%(since)s::timestamptz IS NULL OR earlier.ended_at >= %(since)s::timestamptz))) AS customers,
    count(*) AS moves
FROM customer_spells s
WHERE s.next_status IS NOT NULL
    AND (%(since)s::timestamptz IS NULL OR s.ended_at >= %(since)s::timestamptz)
    AND (%(until)s::timestamptz IS NULL OR s.ended_at < %(until)s::timestamptz)
    AND {customer_is_chosen}
GROUP BY s.customer_status, s.next_status
ORDER BY s.customer_status, s.next_status
