-- When and for how much each customer had bought that had by `at`, as the forecast takes it: days with a purchase after
-- the first one, days from that to the last one, days from that to `today`, and what the customer spent after it.
WITH {approved},
{purchases}
SELECT purchase_days - 1 AS x, last_purchase_on - first_purchase_on AS t_x, %(today)s - first_purchase_on AS age,
    repeat_spent_usd::double precision AS spend
FROM bought
