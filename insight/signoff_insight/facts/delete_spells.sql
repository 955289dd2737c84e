-- Delete the rows of `customers` (bigint[]) with these `keys` (integer[]). Each is looked up by the index.
DELETE FROM customer_spells
WHERE ctid = ANY(ARRAY(
    SELECT old.ctid
    FROM unnest(%(customers)b::bigint[], %(keys)s::integer[]) AS gone(customer, key)
    CROSS JOIN LATERAL (
        SELECT ctid FROM customer_spells WHERE customer = gone.customer AND place = gone.key OFFSET 0) AS old))
