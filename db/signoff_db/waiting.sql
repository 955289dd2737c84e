-- What the connections of one worker wait for in Postgres, and which sessions block them.
SELECT a.state, a.wait_event_type, a.wait_event, (
    SELECT string_agg(format('pid %%s (%%s, %%s, its transaction open for %%s s)', b.pid,
        coalesce(nullif(b.application_name, ''), 'unnamed'), b.state,
        round(extract(epoch FROM clock_timestamp() - b.xact_start))), ', ' ORDER BY b.xact_start)
    FROM pg_stat_activity b
    WHERE b.pid = ANY(pg_blocking_pids(a.pid))) AS holders
FROM pg_stat_activity a
WHERE a.application_name = left(%(application)s, 63) AND a.datname = current_database()
ORDER BY a.state <> 'active'
LIMIT 1
