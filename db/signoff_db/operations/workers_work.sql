-- Whether a worker has used Postgres in the last second. Sessions of other roles may hide that: they count as if.
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'signoff %worker%'
        AND (state_change IS NULL OR state <> 'idle' OR state_change > now() - interval '1 second'))
