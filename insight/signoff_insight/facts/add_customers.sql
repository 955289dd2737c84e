-- Give `customers` (text[]) rows of facts, those that have none; `refresh.sql` fills them.
INSERT INTO customer_facts (user_id)
SELECT DISTINCT user_id
FROM unnest(%(customers)b::text[]) AS wanted(user_id)
WHERE NOT EXISTS (SELECT FROM customer_facts f WHERE f.user_id = wanted.user_id)
