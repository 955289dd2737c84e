-- The ids of the chosen letters, the oldest first, from after `after_id` on.
SELECT id FROM dead_letters
WHERE {chosen}
    AND id > %(after_id)s
ORDER BY id
LIMIT %(limit)s
