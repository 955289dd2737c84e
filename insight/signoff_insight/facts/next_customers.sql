-- The customers that a rebuild comes to next.
SELECT user_id FROM customers WHERE user_id > coalesce(%(after)s, '') ORDER BY user_id LIMIT %(limit)s
