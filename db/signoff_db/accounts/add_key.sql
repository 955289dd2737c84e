INSERT INTO api_keys (id, name, secret_hash, scopes, created_by, expires_at)
VALUES (%(id)s, %(name)s, %(secret_hash)s, %(scopes)s, %(actor)s, now() + %(lifetime)s::interval)
ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING
RETURNING {key_columns}
