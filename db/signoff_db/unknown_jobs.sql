-- Those of `jobs` (text[]) that neither the ledger nor the dead letters, pruned ones too, know, `events`
-- (uuid[]) being those of them that are events' ids, in any order.
SELECT job FROM unnest(%(jobs)s::text[]) AS job
WHERE job NOT IN (
    SELECT event_id::text FROM approvals WHERE event_id = ANY(%(events)s)
    UNION ALL
    SELECT job_id FROM dead_letters WHERE md5(job_id) = ANY(
        SELECT md5(j) FROM unnest(%(jobs)s::text[]) AS j)
    UNION ALL
    SELECT letter->>'job_id'
    FROM operator_actions, jsonb_array_elements(before->'letters') AS letter
    WHERE action = 'prune'
)
