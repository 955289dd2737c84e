-- The chosen letters as they came, the oldest first, from after `after_id` on.
SELECT id, job_id, payload, event_id, content_hash FROM dead_letters
WHERE {chosen}
    AND id > %(after_id)s
ORDER BY id
LIMIT %(limit)s
