-- Note why a reader cannot go on, unless another instance of it works.
UPDATE feed_readers SET failure = %(failure)s, failing_since = coalesce(failing_since, now())
WHERE name IN (SELECT name FROM feed_readers WHERE name = %(name)s FOR UPDATE SKIP LOCKED)
