-- The letters of an event, or of a job by its id, the newest first; without payloads.
SELECT {letter_columns}
FROM dead_letters
WHERE event_id = %(event_id)s
    OR job_id = %(job_id)s AND (event_id IS NULL OR job_id <> event_id::text)
ORDER BY id DESC
LIMIT %(limit)s
