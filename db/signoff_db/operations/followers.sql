-- The newest operations on the letters of another one.
SELECT {operation_columns}, '[]'::jsonb AS results FROM operations
WHERE of_operation = %(operation)s
ORDER BY id DESC
LIMIT %(limit)s
