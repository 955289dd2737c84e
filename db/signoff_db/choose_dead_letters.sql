-- The ids of the chosen letters, the oldest first.
SELECT id FROM dead_letters
WHERE state = ANY(%(states)s) AND {chosen}
ORDER BY id
LIMIT %(limit)s::bigint
