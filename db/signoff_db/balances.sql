-- What the interactions (uuid[]) and, after them, the customers (text[]) hold now, by their positions from 0. What is
-- not in Postgres has no row.
SELECT wanted.position - 1, coalesce(customer_status, 'PROSPECT'), coalesce(ltv_usd, 0)
FROM unnest(%(interactions)b::uuid[]) WITH ORDINALITY AS wanted (id, position)
JOIN interactions USING (id)
UNION ALL
SELECT cardinality(%(interactions)b::uuid[]) + wanted.position - 1, customer_status, ltv_usd
FROM unnest(%(customers)b::text[]) WITH ORDINALITY AS wanted (user_id, position)
JOIN customers USING (user_id)
