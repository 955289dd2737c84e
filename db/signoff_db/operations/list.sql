SELECT {operation_columns}, '[]'::jsonb AS results FROM operations
WHERE id < coalesce(%(before)s::bigint, 9223372036854775807)
    AND (%(action)s::text IS NULL OR action = %(action)s)
ORDER BY id DESC
LIMIT %(limit)s
