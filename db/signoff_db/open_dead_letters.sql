-- Those of `letters` (bigint[]) that are dead, in order of their ids.
SELECT id FROM dead_letters WHERE id = ANY(%(letters)s::bigint[]) AND state = 'dead' ORDER BY id
