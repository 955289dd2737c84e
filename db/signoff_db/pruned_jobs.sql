-- When the letters of a job or event were pruned, by whom and why; the newest first.
SELECT actor, acted_at, action, reason, to_jsonb(letter.state) AS before, NULL AS after, operation_id,
    database_role
FROM pruned_letters letter
JOIN operator_actions action ON action.id = letter.action_id
WHERE letter.job_id = %(job_id)s OR letter.event_id = %(event_id)s
ORDER BY action.id DESC
LIMIT %(limit)s
