-- Note an operation; no row if the request was made before.
INSERT INTO operations (
    action, dry_run, actor, reason, selection, most_letters, rate, keep_going, of_operation, request_key)
VALUES (
    %(action)s, %(dry_run)s, %(actor)s, %(reason)s, %(selection)s::jsonb, %(limit)s::bigint, %(rate)s::float8,
    %(keep_going)s, %(of_operation)s::bigint, %(request_key)s::uuid)
ON CONFLICT (request_key) DO NOTHING
RETURNING id
