-- The first day on which one of the customers bought; null if none did.
SELECT min(purchased_on) AS first_day
FROM customer_purchases s
WHERE (%(cohort)s::date IS NULL OR cohort = %(cohort)s::date)
    AND {customer_is_chosen}
