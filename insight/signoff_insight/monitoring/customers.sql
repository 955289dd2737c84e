-- Customers and their folded LTV by status.
SELECT customer_status::text, count(*), sum(ltv_usd) FROM customer_facts GROUP BY customer_status
