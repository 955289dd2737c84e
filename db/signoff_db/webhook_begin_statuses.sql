-- What the first webhook of status.changed takes as known: the status of each customer now.
INSERT INTO webhook_statuses (user_id, customer_status)
SELECT user_id, customer_status FROM customers WHERE customer_status <> 'PROSPECT'
