-- Begin the oldest audit that was asked for. One that is called running was left by a process that died: whoever
-- calls this holds the lock of audits alone.
UPDATE audits SET state = 'running', started_at = clock_timestamp()
WHERE id = (SELECT id FROM audits WHERE state IN ('waiting', 'running') ORDER BY id LIMIT 1)
RETURNING id
