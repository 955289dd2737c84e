-- A page of the letters that were settled before `before`, the oldest first; none that is dead.
SELECT id, event_id, job_id, kind, message, detail, payload, fingerprint, interaction_id, user_id,
    attempts, first_failed_at, last_failed_at, state, resolved_at
FROM dead_letters
WHERE state IN ('resolved', 'discarded') AND resolved_at < %(before)s
    AND id > %(after_id)s
ORDER BY id
LIMIT %(limit)s
