-- The customers by the status that they have now.
SELECT customer_status::text, count(*) AS customers, sum(ltv_usd) AS ltv_usd
FROM customer_facts f
WHERE {is_chosen}
GROUP BY customer_status
ORDER BY customer_status
