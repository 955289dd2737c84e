SELECT FROM sign_in_links JOIN users ON users.name = user_name
WHERE token_hash = %(token_hash)s AND used_at IS NULL AND expires_at > now() AND disabled_at IS NULL
