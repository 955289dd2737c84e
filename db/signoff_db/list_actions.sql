-- What was done to any of `letters` (bigint[]), the oldest first.
SELECT actor, acted_at, action, reason, before, after
FROM operator_actions
WHERE dead_letter_ids && %(letters)s::bigint[]
ORDER BY id
