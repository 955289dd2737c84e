-- Lock those of `letters` (bigint[]) that are still dead, in the order of their ids. Letters that another
-- operator settled meanwhile are left out.
SELECT id, kind
FROM dead_letters
WHERE id = ANY(%(letters)s::bigint[]) AND state = 'dead'
ORDER BY id
FOR UPDATE
