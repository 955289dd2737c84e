-- Write the sums of the purchases of `customer` (bigint[]) on `purchased_on`. Each is looked up by the index.
UPDATE customer_purchases p SET purchases = n.purchases, spent_usd = n.spent_usd
FROM (
    SELECT new.*, old.row
    FROM unnest(%(customer)s::bigint[], %(purchased_on)s::date[], %(purchases)s::integer[], %(spent_usd)s::numeric[])
        AS new(customer, purchased_on, purchases, spent_usd)
    CROSS JOIN LATERAL (
        SELECT ctid AS row FROM customer_purchases
        WHERE customer = new.customer AND purchased_on = new.purchased_on
        OFFSET 0) AS old
) AS n
WHERE p.ctid = n.row
