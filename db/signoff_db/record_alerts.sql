-- Note that an alert of `subjects` (text[]) was sent.
INSERT INTO alerts (subject) SELECT unnest(%(subjects)s::text[])
ON CONFLICT (subject) DO UPDATE SET alerted_at = now()
