-- The row of the state; read after the reader's row was locked, in a statement of its own.
SELECT definitions, detached, touched_upto, step, waits_for, rebuilt_upto, customers_rebuilt, customers_to_rebuild,
    rebuilt_at, caught_up, now() AS now
FROM rapport_state
