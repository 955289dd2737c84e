-- For each cohort: its customers, what they spent in purchases, and their folded LTV; filters as in
-- purchases_by_age.sql.
SELECT date_trunc('month', first_purchase_on)::date AS month, count(*) AS customers, sum(spent_usd) AS purchases_usd,
    sum(ltv_usd) AS folded_ltv_usd
FROM customer_facts
WHERE first_purchase_on IS NOT NULL
    AND (%(cohort)s::date IS NULL OR date_trunc('month', first_purchase_on) = %(cohort)s::date)
    AND (%(since_day)s::date IS NULL OR date_trunc('month', first_purchase_on) >= %(since_day)s::date)
    AND (%(until_day)s::date IS NULL OR date_trunc('month', first_purchase_on) < %(until_day)s::date)
    AND (%(reviewer)s::text IS NULL OR first_reviewer_id = %(reviewer)s::text)
    AND (%(tag_bit)s::integer IS NULL OR first_tags & %(tag_bit)s::integer <> 0)
GROUP BY month
ORDER BY month
