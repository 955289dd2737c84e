-- Whether a worker uses Postgres now, and whether one has in the last second. Sessions of other roles may hide that: they
-- count as if they did.
SELECT coalesce(bool_or(state_change IS NULL OR state <> 'idle'), false), count(*) > 0
FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'signoff %worker%'
    AND (state_change IS NULL OR state <> 'idle' OR state_change > now() - interval '1 second')
