-- Notes that the user signed in, ends the session that this one replaces, and forgets old ones. No row where the
-- user is disabled meanwhile.
WITH present AS (
    UPDATE users SET last_signed_in_at = now() WHERE name = %(name)s AND disabled_at IS NULL
    RETURNING name, roles
), replaced AS (
    UPDATE sessions SET ended_at = now() WHERE token_hash = %(replaced)s AND ended_at IS NULL
), forgotten AS (
    DELETE FROM sessions
    WHERE user_name = %(name)s AND least(expires_at, ended_at) < now() - interval '30 days'
), begun AS (
    INSERT INTO sessions (token_hash, user_name, began_with, user_agent, expires_at)
    SELECT %(token_hash)s, name, %(began_with)s, %(user_agent)s, now() + %(lifetime)s FROM present
    RETURNING id, expires_at
)
SELECT begun.id::text, present.name, present.roles, begun.expires_at FROM begun, present
