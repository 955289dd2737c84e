UPDATE dead_letters SET state = 'resolved', resolved_at = now()
WHERE id = ANY(%(letters)s) AND state = 'dead'
