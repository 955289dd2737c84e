SELECT id FROM dead_letters
WHERE event_id = %(event_id)s OR job_id = %(job_id)s
ORDER BY id
