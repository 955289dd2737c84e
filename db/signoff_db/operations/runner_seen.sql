-- Whether a process runs operations: one was seen lately, or is connected. One that waits for a lock is not seen.
SELECT EXISTS (SELECT FROM operation_runners WHERE seen_at > now() - %(within)s::interval)
    OR EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = %(application)s)
