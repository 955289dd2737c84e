-- One statement, so that of two requests with the same link only one gets the user.
UPDATE sign_in_links SET used_at = now()
FROM users
WHERE sign_in_links.token_hash = %(token_hash)s AND used_at IS NULL AND expires_at > now()
    AND users.name = user_name AND disabled_at IS NULL
RETURNING user_name
