-- What is noted of an operation, locked; no row if this runner has it no longer.
SELECT effect, tried_ahead, counted, streak_of, streak, jsonb_array_length(results)
FROM operations
WHERE id = %(operation)s AND lease = %(lease)s
FOR UPDATE
