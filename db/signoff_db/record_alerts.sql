-- Remember that `subjects` (text[]) were told.
INSERT INTO alerts (subject) SELECT unnest(%(subjects)s::text[])
ON CONFLICT (subject) DO UPDATE SET alerted_at = now()
