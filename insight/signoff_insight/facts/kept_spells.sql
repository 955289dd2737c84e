-- The spells that are kept of `customers` (bigint[]), in order, each with its customer.
SELECT s.customer, s.place, s.customer_status, s.began_at, s.ended_at, s.next_status, s.same_before,
    s.first_tags
FROM unnest(%(customers)s::bigint[]) AS w(customer)
CROSS JOIN LATERAL (SELECT * FROM customer_spells WHERE customer = w.customer OFFSET 0) AS s
ORDER BY s.customer, s.place
