-- The status before its first event of the newest interaction of a customer, who is `e.user_id`. What was created
-- later than `at` was not known then.
(SELECT signoff_status_of(signoff_status_number(coalesce(n.opening_customer_status, n.customer_status)))::text
FROM interactions n
WHERE n.user_id = e.user_id COLLATE "default" AND (NOT %(by_applied)s OR n.created_at IS NULL OR n.created_at <= %(at)s)
ORDER BY n.created_at DESC NULLS LAST, n.id DESC
LIMIT 1)
