-- Note how far a rebuild is; without `upto` it is done.
UPDATE insight_state SET rebuilt_upto = %(upto)s::text, customers_rebuilt = customers_rebuilt + %(customers)s,
    rebuilt_at = CASE WHEN %(upto)s::text IS NULL THEN now() END
