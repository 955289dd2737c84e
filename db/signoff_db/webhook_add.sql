-- `begins_at` is the clock's time, not that of the transaction: the caller has locked the reader meanwhile.
INSERT INTO webhooks (name, url, secret, kinds) VALUES (%(name)s, %(url)s, %(secret)s, %(kinds)s)
ON CONFLICT (name) DO NOTHING
RETURNING id
