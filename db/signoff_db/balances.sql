-- What the interactions (uuid[]) and the customers (text[]) hold now.
SELECT id, NULL AS user_id, coalesce(customer_status, 'PROSPECT'), coalesce(ltv_usd, 0)
FROM interactions
WHERE id = ANY(%(interactions)b)
UNION ALL
SELECT NULL, user_id, customer_status, ltv_usd
FROM customers
WHERE user_id = ANY(%(customers)b)
