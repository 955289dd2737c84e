-- The latest runs, before the run `before` (null for all).
SELECT id, at, started_at, ended_at, started_by, data_until, result, message
FROM transition_runs
WHERE %(before)s::bigint IS NULL OR id < %(before)s
ORDER BY id DESC
LIMIT %(limit)s
