-- The first letters that were settled before `before`, by id from behind `after_id` on; none that is dead.
SELECT id FROM dead_letters
WHERE state IN ('resolved', 'discarded') AND resolved_at < %(before)s
    AND id > %(after_id)s
ORDER BY id
LIMIT %(limit)s
