SELECT user_id, customer_status, ltv_usd, updated_at FROM customers WHERE user_id = %(user_id)s
