-- The secret until now signs too for some time.
UPDATE webhooks
SET secret = %(secret)s, previous_secret = secret, previous_until = now() + %(overlap)s::interval
WHERE name = %(name)s
RETURNING previous_until
