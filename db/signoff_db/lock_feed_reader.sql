-- Where a reader is; no row where another instance of it works, or where it is not registered.
SELECT position, failure IS NOT NULL OR updated_at < now() - interval '1 minute' AS is_due
FROM feed_readers WHERE name = %(name)s
FOR UPDATE SKIP LOCKED
