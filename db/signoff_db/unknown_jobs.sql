-- Those of `jobs` (text[]) that are neither in the ledger nor in the dead letters, pruned ones included.
-- `events` (uuid[]) is in the same order; null if a job's id is not an event's id.
SELECT job
FROM unnest(%(jobs)s::text[], %(events)s::uuid[]) WITH ORDINALITY AS named (job, event, place)
WHERE NOT EXISTS (SELECT FROM approvals WHERE event_id = event)
    AND NOT EXISTS (SELECT FROM dead_letters WHERE event_id = event)
    AND NOT EXISTS (SELECT FROM dead_letters
        WHERE job_id = job AND (event_id IS NULL OR job_id <> event_id::text))
    AND NOT EXISTS (SELECT FROM pruned_letters WHERE job_id = job)
ORDER BY place
