-- What the interactions (uuid[]) hold now.
SELECT id, coalesce(customer_status, 'PROSPECT'), coalesce(ltv_usd, 0)
FROM interactions
WHERE id = ANY(%(interactions)b)
