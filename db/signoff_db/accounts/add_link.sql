-- Old links of the user are forgotten on the way.
WITH forgotten AS (
    DELETE FROM sign_in_links WHERE user_name = %(name)s AND expires_at < now() - interval '30 days'
)
INSERT INTO sign_in_links (token_hash, user_name, created_by, expires_at)
VALUES (%(token_hash)s, %(name)s, %(actor)s, now() + %(lifetime)s)
RETURNING expires_at
