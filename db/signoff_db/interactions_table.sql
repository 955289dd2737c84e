-- The reasons against the adoption of a table, other than its columns and rows. `interactions` oid
SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind, c.relpersistence::text AS persistence,
    EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)) AS inherits,
    EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid AND ev_type <> '1') AS has_rules,
    row_security_active(c.oid) AS hides_rows,
    -- One such key fails ON CONFLICT (id), whatever other key there is.
    (SELECT conname FROM pg_constraint
        JOIN pg_attribute ON attrelid = conrelid AND ARRAY[attnum] = conkey
        WHERE conrelid = c.oid AND contype IN ('p', 'u') AND condeferrable AND attname = 'id'
        LIMIT 1)::text AS deferrable_key,
    pg_has_role(c.relowner, 'USAGE') AS is_owner,
    EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND tgname = 'interactions_count_insert') AS is_taken,
    ARRAY(
        -- Most functions (in PL/pgSQL, for example) look names up in the search_path of the calling session.
        SELECT DISTINCT p.oid::regprocedure::text
        FROM pg_trigger t
        JOIN pg_proc p ON p.oid = t.tgfoid
        JOIN pg_language l ON l.oid = p.prolang
        WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND l.lanname NOT IN ('c', 'internal')
            AND NOT EXISTS (SELECT FROM unnest(p.proconfig) AS s WHERE s LIKE 'search_path=%%')
        ORDER BY 1) AS triggers,
    ARRAY(
        SELECT other.relname::text FROM pg_class other
        WHERE other.relnamespace = c.relnamespace AND other.relname = ANY(%(ours)s)
        ORDER BY 1) AS alike
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = %(interactions)s::oid
