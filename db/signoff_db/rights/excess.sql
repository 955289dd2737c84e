-- What the role of this session may do with the tables of its schema that no part of Signoff needs, by itself or as another
-- role that it may become (SET ROLE): attributes such as SUPERUSER are not inherited, but they are used that way.
WITH becomes AS (
    SELECT * FROM pg_roles WHERE pg_has_role(current_user, oid, 'MEMBER')
), tables AS (
    SELECT oid, relname::text AS name, relowner
    FROM pg_class
    WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
), kept AS (
    -- Which tables are insert-only, or never deleted from, is what their triggers forbid.
    SELECT DISTINCT tables.name
    FROM tables
    JOIN pg_trigger ON tgrelid = tables.oid
    JOIN pg_proc ON pg_proc.oid = tgfoid AND proname = 'signoff_forbid_change'
    WHERE ((tgtype & 8) <> 0 AND has_table_privilege(tables.oid, 'DELETE'))
        OR ((tgtype & 16) <> 0 AND has_any_column_privilege(tables.oid, 'UPDATE'))
)
SELECT current_user::text AS role,
    (SELECT bool_or(rolsuper) FROM becomes) AS is_superuser,
    (SELECT array_remove(ARRAY[
        CASE WHEN bool_or(rolcreatedb) THEN 'CREATEDB' END,
        CASE WHEN bool_or(rolcreaterole) THEN 'CREATEROLE' END,
        CASE WHEN bool_or(rolreplication) THEN 'REPLICATION' END,
        CASE WHEN bool_or(rolbypassrls) THEN 'BYPASSRLS' END
    ], NULL) FROM becomes) AS attributes,
    ARRAY(SELECT rolname::text FROM becomes WHERE rolname IN (
        'pg_read_all_data', 'pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'
    ) ORDER BY rolname) AS memberships,
    EXISTS (SELECT FROM tables WHERE pg_has_role(current_user, relowner, 'MEMBER')) AS is_owner,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
    ARRAY(SELECT name FROM tables WHERE has_table_privilege(oid, 'TRUNCATE') ORDER BY name) AS truncates,
    ARRAY(SELECT name FROM kept ORDER BY name) AS changes
