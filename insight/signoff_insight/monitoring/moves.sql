-- How often customers moved from one status to another.
SELECT customer_status::text, next_status::text, count(*) FROM customer_spells
WHERE next_status IS NOT NULL
GROUP BY customer_status, next_status ORDER BY customer_status, next_status
