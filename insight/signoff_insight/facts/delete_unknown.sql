-- Delete the facts of customers that have no event: those of detached partitions, and those that were erased.
-- With `customers` (text[]) only these are looked at.
WITH gone AS (
    DELETE FROM customer_facts f
    WHERE (%(customers)b::text[] IS NULL OR f.user_id = ANY(%(customers)b::text[]))
        AND (first_event_at IS NULL OR NOT EXISTS (SELECT FROM customers c WHERE c.user_id = f.user_id))
    RETURNING customer
),
purchases AS (DELETE FROM customer_purchases p USING gone WHERE p.customer = gone.customer),
spells AS (DELETE FROM customer_spells s USING gone WHERE s.customer = gone.customer)
DELETE FROM customer_exposures e USING gone WHERE e.customer = gone.customer
