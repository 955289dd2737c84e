-- Days with a purchase by week after `cutoff`, from 0 on, of the customers who had bought by then.
SELECT (purchased_on - %(cutoff)s::date - 1) / 7 AS week, count(*) AS bought
FROM customer_purchases s
WHERE purchased_on > %(cutoff)s::date AND purchased_on <= %(cutoff)s::date + %(days)s::integer
    AND (%(cohort)s::date IS NULL OR cohort = %(cohort)s::date)
    AND EXISTS (
        SELECT FROM customer_facts f WHERE f.customer = s.customer AND f.first_purchase_on <= %(cutoff)s::date)
    AND {customer_is_chosen}
GROUP BY week
