-- The next open proposals of a rule that were proposed, and not snoozed any more, at `until` (null for now), in the order
-- of their customers, behind (`after_user`, `after_id`). What waits only since then is not among them.
SELECT id, user_id
FROM transition_proposals
WHERE state = 'open' AND rule = %(rule)s AND (user_id, id) > (%(after_user)s, %(after_id)s)
    AND (%(until)s::timestamptz IS NULL OR proposed_at <= %(until)s)
    AND coalesce(snoozed_until, '-infinity') <= coalesce(%(until)s, now())
ORDER BY user_id, id
LIMIT %(limit)s
