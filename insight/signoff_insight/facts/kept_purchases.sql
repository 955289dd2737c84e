-- The purchases that are kept of `customers` (bigint[]), in order, each with its customer. Of the customers at the same
-- places as `days` (date[]) those of that day alone, unless it is null.
SELECT p.customer, p.purchased_on, p.cohort, p.age_months, p.is_first_of_month, p.purchases, p.spent_usd
FROM unnest(%(customers)s::bigint[], %(days)s::date[]) AS w(customer, day)
CROSS JOIN LATERAL (
    SELECT * FROM customer_purchases
    WHERE customer = w.customer
        AND purchased_on BETWEEN coalesce(w.day, '-infinity') AND coalesce(w.day, 'infinity')
    OFFSET 0) AS p
ORDER BY p.customer, p.purchased_on
