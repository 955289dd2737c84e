-- End an operation that has not ended. A runner that has it finds its lease gone, and rolls its batch back.
UPDATE operations SET state = 'cancelled', ended_at = now(), lease = NULL,
    message = 'cancelled by ' || left(%(actor)s, 200), tried_ahead = '{}', counted = '{}'
WHERE id = %(operation)s AND state IN ('waiting', 'running')
RETURNING letters, tried
