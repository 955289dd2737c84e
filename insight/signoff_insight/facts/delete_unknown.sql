-- Delete the facts of customers that are not there any more.
WITH gone AS (
    DELETE FROM customer_facts f
    WHERE NOT EXISTS (SELECT FROM customers c WHERE c.user_id = f.user_id)
    RETURNING customer
),
purchases AS (DELETE FROM customer_purchases WHERE customer = ANY(ARRAY(SELECT customer FROM gone))),
spells AS (DELETE FROM customer_spells WHERE customer = ANY(ARRAY(SELECT customer FROM gone)))
DELETE FROM customer_exposures WHERE customer = ANY(ARRAY(SELECT customer FROM gone))
