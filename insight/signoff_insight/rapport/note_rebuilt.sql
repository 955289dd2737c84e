-- Note how far a rebuild is; without a `step` it is done.
UPDATE rapport_state SET step = %(step)s::text, rebuilt_upto = %(upto)s::text, waits_for = '{}',
    customers_rebuilt = customers_rebuilt + %(customers)s::bigint,
    customers_to_rebuild = coalesce(%(customers_to_rebuild)s::bigint, customers_to_rebuild),
    rebuilt_at = CASE WHEN %(step)s::text IS NULL THEN now() ELSE rebuilt_at END
