-- Forget those of `letters` (bigint[]) that were settled before `before`. Whoever calls this, and with
-- whatever ids: a letter that is dead stays.
DELETE FROM dead_letters
WHERE id = ANY(%(letters)s)
    AND state IN ('resolved', 'discarded') AND resolved_at < %(before)s
RETURNING id, state, job_id, event_id::text
