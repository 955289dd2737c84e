-- For each cohort: its customers, what they spent in purchases, and their folded LTV; filters as in
-- purchases_by_age.sql. Days are counted first, and put into months then: there are few.
SELECT month, sum(customers)::bigint AS customers, sum(purchases_usd) AS purchases_usd,
    sum(folded_ltv_usd) AS folded_ltv_usd
FROM (
    SELECT date_trunc('month', first_purchase_on)::date AS month, count(*) AS customers,
        sum(spent_usd) AS purchases_usd, sum(ltv_usd) AS folded_ltv_usd
    FROM customer_facts f
    WHERE first_purchase_on IS NOT NULL AND {is_chosen}
    GROUP BY first_purchase_on
) AS of_day
WHERE (%(cohort)s::date IS NULL OR month = %(cohort)s::date)
    AND (%(since_day)s::date IS NULL OR month >= %(since_day)s::date)
    AND (%(until_day)s::date IS NULL OR month < %(until_day)s::date)
GROUP BY month
ORDER BY month
