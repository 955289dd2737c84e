-- Whose session it is; that it was used is noted at most once a minute.
WITH found AS (
    SELECT s.id, u.name, u.roles, s.last_used_at
    FROM sessions s JOIN users u ON u.name = s.user_name
    WHERE s.token_hash = %(token_hash)s AND s.ended_at IS NULL AND s.expires_at > now()
        AND s.last_used_at > now() - %(idle)s AND u.disabled_at IS NULL
), noted AS (
    UPDATE sessions SET last_used_at = now() FROM found
    WHERE sessions.id = found.id AND found.last_used_at < now() - interval '1 minute'
)
SELECT id::text, name, roles FROM found
