-- What was done to one letter, the newest first. A replay notes what became of many letters, by their
-- ids; only this letter's part of it is read.
SELECT actor, acted_at, action, reason,
    CASE action WHEN 'replay' THEN before->%(letter)s::text ELSE before END AS before,
    CASE action WHEN 'replay' THEN after->%(letter)s::text ELSE after END AS after,
    operation_id
FROM operator_actions
WHERE dead_letter_ids @> ARRAY[%(letter)s]::bigint[]
ORDER BY id DESC
LIMIT %(limit)s
