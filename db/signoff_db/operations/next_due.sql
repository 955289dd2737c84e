-- In how many seconds the next operation is due; null if there is none.
SELECT extract(epoch FROM min(due_at) - now())::float8 FROM operations
WHERE state IN ('waiting', 'running')
