-- The operation that a request started, and whether this is the same request.
SELECT id, (action, dry_run, actor, reason, selection, most_letters, rate, keep_going, of_operation)
    IS NOT DISTINCT FROM (%(action)s::text, %(dry_run)s::boolean, %(actor)s::text, %(reason)s::text,
        %(selection)s::jsonb, %(limit)s::bigint, %(rate)s::float8, %(keep_going)s::boolean,
        %(of_operation)s::bigint)
FROM operations
WHERE request_key = %(request_key)s
