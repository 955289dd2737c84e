SELECT password_hash FROM users WHERE name = %(name)s AND disabled_at IS NULL
