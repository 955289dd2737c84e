-- Delete the facts of `customers` (bigint[]): the ledger holds no event of theirs any more.
WITH purchases AS (DELETE FROM customer_purchases WHERE customer = ANY(%(customers)b::bigint[])),
spells AS (DELETE FROM customer_spells WHERE customer = ANY(%(customers)b::bigint[])),
exposures AS (DELETE FROM customer_exposures WHERE customer = ANY(%(customers)b::bigint[]))
DELETE FROM customer_facts WHERE customer = ANY(%(customers)b::bigint[])
