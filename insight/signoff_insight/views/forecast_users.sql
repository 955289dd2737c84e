-- The user_ids of `customers` (bigint[]).
SELECT customer, user_id FROM customer_facts WHERE customer = ANY(%(customers)s::bigint[])
