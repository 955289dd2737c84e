-- `customer` (bigint[]) converted at `converted_at` (timestamptz[]): write after how many days, rounded up, with what they
-- were shown before and had not converted after. Exact to the microsecond, as in folding.py.
UPDATE customer_exposures e
SET converted_after = ((extract(epoch FROM n.converted_at - e.exposed_at) * 1000000)::bigint + 86399999999) / 86400000000
FROM unnest(%(customer)s::bigint[], %(converted_at)s::timestamptz[]) AS n(customer, converted_at)
WHERE e.customer = n.customer AND e.converted_after IS NULL
