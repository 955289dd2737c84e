-- Take the operation that has been due for longest. A lease, not a lock, keeps other runners away: it is renewed with
-- each note of progress, and if it runs out another runner goes on.
UPDATE operations
SET state = 'running', lease = gen_random_uuid(), due_at = now() + %(lease)s::interval, takes = takes + 1,
    started_at = coalesce(started_at, now())
WHERE id = (
    SELECT id FROM operations
    WHERE state IN ('waiting', 'running') AND due_at <= now()
    ORDER BY due_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED)
RETURNING id, lease, action, dry_run, actor, reason, rate, keep_going, letters, place, tried_ahead, streak_of, streak,
    takes, %(lease)s::interval
