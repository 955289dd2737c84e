-- The transactions that write to the tables now. Of those that began to before the tracking did,
-- the triggers have noted nothing.
SELECT coalesce(array_agg(DISTINCT l.virtualtransaction), '{}')
FROM pg_locks l
WHERE l.locktype = 'relation' AND l.pid <> pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.relation IN ('reviews'::regclass, 'interactions'::regclass, 'transition_proposals'::regclass)
    AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
