-- Note how far a reader has read.
INSERT INTO feed_readers AS r (name, position, is_copy) VALUES (%(name)s, %(position)s, %(is_copy)s)
ON CONFLICT (name) DO UPDATE SET position = excluded.position, is_copy = excluded.is_copy,
    updated_at = now(), failure = NULL, failing_since = NULL
