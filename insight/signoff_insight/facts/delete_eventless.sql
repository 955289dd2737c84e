-- Delete the facts of those of `customers` (text[]) that have no event any more: theirs were in detached partitions.
WITH gone AS (
    DELETE FROM customer_facts
    WHERE user_id = ANY(%(customers)b::text[]) AND first_event_at IS NULL
    RETURNING customer
),
purchases AS (DELETE FROM customer_purchases WHERE customer = ANY(ARRAY(SELECT customer FROM gone))),
spells AS (DELETE FROM customer_spells WHERE customer = ANY(ARRAY(SELECT customer FROM gone)))
DELETE FROM customer_exposures WHERE customer = ANY(ARRAY(SELECT customer FROM gone))
