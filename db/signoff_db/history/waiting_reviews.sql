-- The reviews of a customer that wait for a decision, the oldest first.
SELECT interaction_id, received_at,
    CASE WHEN claimed_until > clock_timestamp() THEN claimed_by END AS claimed_by,
    coalesce(expires_at <= clock_timestamp(), false) AS expired
FROM reviews
WHERE user_id = %(user_id)s AND state = 'pending'
ORDER BY received_at, interaction_id
LIMIT %(limit)s
