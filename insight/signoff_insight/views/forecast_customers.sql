-- What each customer had done by `cutoff`, and what it did in the `days` after it. Days with a purchase count, the first
-- one starts a customer's time and is not counted: `x` of them came after it, the last one `t_x` days after it, and it
-- was `age` days before the cutoff. Filters: cohort by the month of the first purchase, reviewer and tag.
SELECT customer,
    count(*) FILTER (WHERE purchased_on <= %(cutoff)s::date) - 1 AS x,
    max(purchased_on) FILTER (WHERE purchased_on <= %(cutoff)s::date) - min(purchased_on) AS t_x,
    %(cutoff)s::date - min(purchased_on) AS age,
    coalesce(sum(spent_usd) FILTER (WHERE purchased_on <= %(cutoff)s::date
        AND NOT (age_months = 0 AND is_first_of_month)), 0)::double precision AS spend,
    count(*) FILTER (WHERE purchased_on > %(cutoff)s::date) AS bought,
    coalesce(sum(spent_usd) FILTER (WHERE purchased_on > %(cutoff)s::date), 0)::double precision AS revenue
FROM customer_purchases s
WHERE purchased_on <= %(cutoff)s::date + %(days)s::integer
    AND (%(cohort)s::date IS NULL OR cohort = %(cohort)s::date)
    AND {customer_is_chosen}
GROUP BY customer
HAVING min(purchased_on) <= %(cutoff)s::date
