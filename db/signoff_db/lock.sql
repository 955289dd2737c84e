-- Lock the interactions of events, always in the same order, so that batches do not deadlock.
-- This is a separate statement: the snapshot of apply.sql, which follows, then holds all that others committed.
-- `interactions` uuid[]
SELECT FROM interactions
WHERE id = ANY(%(interactions)b)
ORDER BY id
FOR NO KEY UPDATE
