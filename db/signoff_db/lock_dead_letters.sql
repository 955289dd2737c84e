-- Lock those of `letters` (bigint[]) that are still dead, in one order; what another operator settled
-- in the meantime is left out.
SELECT id, event_id, job_id, kind, message, detail, payload, fingerprint, interaction_id, user_id,
    attempts, first_failed_at, last_failed_at, state, resolved_at
FROM dead_letters
WHERE id = ANY(%(letters)s) AND state = 'dead'
ORDER BY id
FOR UPDATE
