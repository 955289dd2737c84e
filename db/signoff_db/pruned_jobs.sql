-- When the letters of a job or event were pruned of which nothing else is left, by whom and why.
SELECT actor, acted_at, action, reason, before, after
FROM operator_actions
WHERE action = 'prune' AND (
    before->'letters' @> jsonb_build_array(jsonb_build_object('job_id', %(job_id)s::text))
    OR before->'letters' @> jsonb_build_array(jsonb_build_object('event_id', %(job_id)s::text)))
ORDER BY id
