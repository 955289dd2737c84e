-- The numbers by which facts name `customers` (text[]), with their places in the array.
SELECT w.number, f.customer
FROM unnest(%(customers)b::text[]) WITH ORDINALITY AS w(user_id, number)
CROSS JOIN LATERAL (SELECT customer FROM customer_facts WHERE user_id = w.user_id OFFSET 0) AS f
