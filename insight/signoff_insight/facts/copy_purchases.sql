COPY customer_purchases (customer, purchased_on, cohort, age_months, is_first_of_month, purchases, spent_usd) FROM STDIN
