-- For each cohort and each age in months: how many customers bought then, and what they spent. Customers are those of
-- `reviewer` or `tag_bit`, cohorts those that begin from `since_day` on and before `until_day`; each may be null.
SELECT cohort AS month, age_months, count(*) FILTER (WHERE is_first_of_month) AS buyers, sum(spent_usd) AS spent_usd
FROM customer_purchases s
WHERE (%(cohort)s::date IS NULL OR cohort = %(cohort)s::date)
    AND (%(since_day)s::date IS NULL OR cohort >= %(since_day)s::date)
    AND (%(until_day)s::date IS NULL OR cohort < %(until_day)s::date)
    AND {customer_is_chosen}
GROUP BY cohort, age_months
