-- Of the customers who were answered by `at`, by status: how many there were, and how many of them bought after it
-- until `until`.
WITH {standings},
{outcomes}
SELECT s.customer_status, count(*) AS customers, count(o.user_id) AS returned
FROM standings s
LEFT JOIN outcomes o USING (user_id)
WHERE s.last_approval_at IS NOT NULL
GROUP BY s.customer_status
