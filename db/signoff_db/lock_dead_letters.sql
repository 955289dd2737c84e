-- Lock those of `letters` (bigint[]) that are still dead, in one order; what another operator settled
-- in the meantime is left out.
SELECT id, kind
FROM dead_letters
WHERE id = ANY(%(letters)s::bigint[]) AND state = 'dead'
ORDER BY id
FOR UPDATE
