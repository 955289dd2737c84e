-- Write how the spells of `customer` (bigint[]) at `place` ended. Each is looked up by the index.
UPDATE customer_spells s SET ended_at = n.ended_at, next_status = n.next_status, same_before = n.same_before
FROM (
    SELECT new.*, old.row
    FROM unnest(%(customer)s::bigint[], %(place)s::integer[], %(ended_at)s::timestamptz[],
        %(next_status)s::signoff_status[], %(same_before)s::timestamptz[])
        AS new(customer, place, ended_at, next_status, same_before)
    CROSS JOIN LATERAL (
        SELECT ctid AS row FROM customer_spells WHERE customer = new.customer AND place = new.place OFFSET 0) AS old
) AS n
WHERE s.ctid = n.row
