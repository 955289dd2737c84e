-- Delete the rows of `customers` (bigint[]) with these `keys` (date[]). Each is looked up by the index.
DELETE FROM customer_purchases
WHERE ctid = ANY(ARRAY(
    SELECT old.ctid
    FROM unnest(%(customers)b::bigint[], %(keys)s::date[]) AS gone(customer, key)
    CROSS JOIN LATERAL (
        SELECT ctid FROM customer_purchases WHERE customer = gone.customer AND purchased_on = gone.key OFFSET 0) AS old))
