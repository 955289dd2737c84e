SELECT customer_status, customers, ltv_usd::numeric(16,2) AS ltv_usd FROM customer_funnel
