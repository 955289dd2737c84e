UPDATE dead_letters SET state = 'resolved', resolved_at = now()
WHERE id = ANY(%(letters)s::bigint[]) AND state = 'dead'
