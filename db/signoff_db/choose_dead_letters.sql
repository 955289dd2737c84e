-- The ids of the chosen letters that are dead, the oldest first.
SELECT id FROM dead_letters
WHERE state = 'dead' AND {chosen}
ORDER BY id
LIMIT %(limit)s::bigint
