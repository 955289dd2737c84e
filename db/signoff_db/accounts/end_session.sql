UPDATE sessions SET ended_at = now() WHERE token_hash = %(token_hash)s AND ended_at IS NULL
