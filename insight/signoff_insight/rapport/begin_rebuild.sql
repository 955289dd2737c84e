-- Note that all contexts are to be computed anew. Those that are there are shown until then.
INSERT INTO rapport_state AS s (definitions, detached, touched_upto, step, waits_for)
VALUES (%(definitions)s, %(detached)s, %(touched_upto)s, 'wait', %(waits_for)s)
ON CONFLICT (only_row) DO UPDATE SET definitions = excluded.definitions, detached = excluded.detached,
    touched_upto = greatest(s.touched_upto, excluded.touched_upto), step = excluded.step,
    waits_for = excluded.waits_for, rebuilt_upto = NULL, customers_rebuilt = 0, caught_up = false
