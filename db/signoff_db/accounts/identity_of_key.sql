-- What a key stands for, and for how long; that it was used is noted at most once a minute.
WITH found AS (
    SELECT id, name, scopes, expires_at, last_used_at FROM api_keys
    WHERE id = %(id)s AND secret_hash = %(secret_hash)s AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > now())
), noted AS (
    UPDATE api_keys SET last_used_at = now() FROM found
    WHERE api_keys.id = found.id
        AND (found.last_used_at IS NULL OR found.last_used_at < now() - interval '1 minute')
)
SELECT name, scopes, expires_at - now() AS remaining FROM found
