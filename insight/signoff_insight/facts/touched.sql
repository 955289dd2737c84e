-- Customers whose facts may have changed without an event; null: all customers.
SELECT id, user_id FROM touched_customers WHERE reader = %(reader)s ORDER BY id LIMIT %(limit)s
