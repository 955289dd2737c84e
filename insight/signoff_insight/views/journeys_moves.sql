-- How often customers moved from one status to the next, and how many customers did: a customer counts with the first
-- such move in the time asked for.
SELECT customer_status::text AS from_status, next_status::text AS to_status,
    signoff_on_path(customer_status::text, next_status::text) AS on_path,
    count(*) FILTER (WHERE same_before IS NULL OR same_before < %(since)s::timestamptz) AS customers,
    count(*) AS moves
FROM customer_spells s
WHERE next_status IS NOT NULL
    AND (%(since)s::timestamptz IS NULL OR ended_at >= %(since)s::timestamptz)
    AND (%(until)s::timestamptz IS NULL OR ended_at < %(until)s::timestamptz)
    AND {row_is_chosen}
GROUP BY customer_status, next_status
ORDER BY customer_status, next_status
