-- The letters of events (`events`, uuid[]) that were resolved, the newest first.
SELECT {letter_columns}
FROM dead_letters
WHERE event_id = ANY(%(events)s::uuid[]) AND state = 'resolved'
ORDER BY id DESC
LIMIT %(limit)s
