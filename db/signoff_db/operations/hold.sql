-- What is noted of an operation, locked; no row if this runner has it no longer.
SELECT effect, tried_ahead, counted, streak_of, streak,
    jsonb_array_length(jsonb_path_query_array(results, '$[*] ? (@.message != null)')), jsonb_array_length(results)
FROM operations
WHERE id = %(operation)s AND lease = %(lease)s
FOR UPDATE
