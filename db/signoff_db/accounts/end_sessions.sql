-- One session of a user, all of them, or all but one.
UPDATE sessions SET ended_at = now()
WHERE user_name = %(name)s AND ended_at IS NULL
    AND (%(only)s::bigint IS NULL OR id = %(only)s) AND (%(but)s::bigint IS NULL OR id <> %(but)s)
