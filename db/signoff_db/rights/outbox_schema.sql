-- The schema of the outbox that this session finds; no row where there is none.
SELECT nspname::text
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pg_class.oid = to_regclass('signoff_outbox')
