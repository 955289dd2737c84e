-- Write when the exposures of `customer` (bigint[]) at `place` converted. Each is looked up by the index.
UPDATE customer_exposures e SET converted_after = n.converted_after
FROM (
    SELECT new.*, old.row
    FROM unnest(%(customer)s::bigint[], %(place)s::integer[], %(converted_after)s::integer[])
        AS new(customer, place, converted_after)
    CROSS JOIN LATERAL (
        SELECT ctid AS row FROM customer_exposures WHERE customer = new.customer AND place = new.place OFFSET 0) AS old
) AS n
WHERE e.ctid = n.row
