-- For each cohort and each age in months: how many customers bought then, and what they spent. Customers are those of
-- `reviewer` or `tag_bit`, cohorts those that begin from `since_day` on and before `until_day`; each may be null.
SELECT cohort AS month, age_months, count(*) FILTER (WHERE is_first_of_month) AS buyers, sum(spent_usd) AS spent_usd
FROM customer_purchases
WHERE (%(cohort)s::date IS NULL OR cohort = %(cohort)s::date)
    AND (%(since_day)s::date IS NULL OR cohort >= %(since_day)s::date)
    AND (%(until_day)s::date IS NULL OR cohort < %(until_day)s::date)
    AND (%(reviewer)s::text IS NULL AND %(tag_bit)s::integer IS NULL OR customer IN (
        SELECT customer
        FROM customer_facts
        WHERE first_purchase_on IS NOT NULL
            AND (%(reviewer)s::text IS NULL OR first_reviewer_id = %(reviewer)s::text)
            AND (%(tag_bit)s::integer IS NULL OR first_tags & %(tag_bit)s::integer <> 0)))
GROUP BY cohort, age_months
