-- Those of `jobs` (text[]) that neither the ledger nor the dead letters, pruned ones too, know; `events`
-- (uuid[]) in the same order, null where a job's id is no event's.
SELECT job
FROM unnest(%(jobs)s::text[], %(events)s::uuid[]) WITH ORDINALITY AS named (job, event, place)
WHERE NOT EXISTS (SELECT FROM approvals WHERE event_id = event)
    AND NOT EXISTS (SELECT FROM dead_letters WHERE event_id = event)
    AND NOT EXISTS (SELECT FROM dead_letters
        WHERE job_id = job AND (event_id IS NULL OR job_id <> event_id::text))
    AND NOT EXISTS (SELECT FROM pruned_letters WHERE job_id = job)
ORDER BY place
