-- Lock the interactions that events concern, in one order, so that batches never wait in a circle.
-- A statement of its own: apply.sql then starts with a snapshot that holds all that others committed.
-- `interactions` uuid[]
SELECT FROM interactions
WHERE id = ANY(%(interactions)b)
ORDER BY id
FOR NO KEY UPDATE
