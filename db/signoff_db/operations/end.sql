UPDATE operations
SET state = %(state)s, ended_at = now(), lease = NULL, message = %(message)s, stopped_by = %(stopped_by)s,
    tried_ahead = '{}', counted = '{}'
WHERE id = %(operation)s AND lease = %(lease)s
