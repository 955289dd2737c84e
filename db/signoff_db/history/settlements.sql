-- Who settled letters (`letters`, bigint[]): the action of the transaction that settled them, which has its time. A
-- letter that no operator settled has no row.
SELECT letter.id, a.actor, a.action, a.reason, a.operation_id
FROM dead_letters letter
JOIN operator_actions a ON a.acted_at = letter.resolved_at AND a.dead_letter_ids @> ARRAY[letter.id]
WHERE letter.id = ANY(%(letters)s::bigint[])
