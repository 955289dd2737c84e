-- A page of the chosen letters, the newest first, below `before_id` if that is given.
SELECT id, event_id, job_id, kind, message, detail, payload, fingerprint, interaction_id, user_id,
    attempts, first_failed_at, last_failed_at, state, resolved_at
FROM dead_letters
WHERE {chosen}
    AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
ORDER BY id DESC
LIMIT %(limit)s
