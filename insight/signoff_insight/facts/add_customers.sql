-- Give `customers` (text[]) rows of facts, those that have none; `refresh.sql` fills them. Each is looked up by the
-- index: a join might read all rows.
INSERT INTO customer_facts (user_id)
SELECT DISTINCT wanted.user_id
FROM unnest(%(customers)b::text[]) AS wanted(user_id)
LEFT JOIN LATERAL (
    SELECT true AS is_there FROM customer_facts WHERE user_id = wanted.user_id OFFSET 0) AS f ON true
WHERE f.is_there IS NULL
