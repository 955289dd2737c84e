-- The schema and the name of the outbox of this database; no row if there is none. It is looked up once: that is slow.
SELECT n.nspname, c.relname
FROM (SELECT signoff_outbox() AS table OFFSET 0) AS outbox
JOIN pg_class c ON c.oid = outbox.table
JOIN pg_namespace n ON n.oid = c.relnamespace
