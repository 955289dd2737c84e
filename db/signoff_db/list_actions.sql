-- What was done to one letter, the newest first. A replay notes what became of many letters, by their
-- ids; only this letter's part of it is read.
--
-- OFFSET 0: else the planner, which expects the letter in many actions, goes through all of them from the newest on.
SELECT actor, acted_at, action, reason,
    CASE action WHEN 'replay' THEN before->%(letter)s::text ELSE before END AS before,
    CASE action WHEN 'replay' THEN after->%(letter)s::text ELSE after END AS after,
    operation_id, database_role
FROM (SELECT * FROM operator_actions WHERE dead_letter_ids @> ARRAY[%(letter)s]::bigint[] OFFSET 0) AS of_letter
ORDER BY id DESC
LIMIT %(limit)s
