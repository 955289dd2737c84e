-- Of the customers who became prospects from `begins` until `ends`: how many, and how many of them became
-- customers within `within`. The difference of two times is in days of 24 hours.
SELECT count(*), count(*) FILTER (WHERE customer_at - prospect_at <= %(within)s::interval) FROM customer_facts
WHERE prospect_at >= %(begins)s AND prospect_at < %(ends)s
