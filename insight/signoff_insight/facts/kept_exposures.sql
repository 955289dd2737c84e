-- The exposures that are kept of `customers` (bigint[]), in order, each with its customer.
SELECT e.customer, e.place, e.exposed_at, c.month, c.tags, c.customer_status, c.is_first, e.converted_after,
    r.reviewer_id, c.cta, e.first_tags
FROM unnest(%(customers)s::bigint[]) AS w(customer)
CROSS JOIN LATERAL (SELECT * FROM customer_exposures WHERE customer = w.customer OFFSET 0) AS e
CROSS JOIN LATERAL (SELECT * FROM exposure_cells WHERE cell = e.cell OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT * FROM exposure_reviewers WHERE reviewer_cell = e.reviewer_cell OFFSET 0) AS r
ORDER BY e.customer, e.place
