-- Note that a runner runs, and forget those that have not been seen for an hour.
WITH forgotten AS (
    DELETE FROM operation_runners WHERE seen_at < now() - interval '1 hour' AND id <> %(id)s
)
INSERT INTO operation_runners (id, name) VALUES (%(id)s, %(name)s)
ON CONFLICT (id) DO UPDATE SET seen_at = now()
