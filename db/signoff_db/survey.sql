-- What a database without this installation holds, as the role's own search_path finds it.
-- `named`  text  the schema of the interactions that are to be adopted; null where they are to be found
SELECT
    current_setting('server_version_num')::integer AS server_version,
    current_setting('server_encoding') AS encoding,
    home.name AS home,
    EXISTS (SELECT FROM pg_namespace WHERE nspname = home.name) AS home_exists,
    CASE WHEN EXISTS (SELECT FROM pg_namespace WHERE nspname = home.name)
        THEN has_schema_privilege(home.name, 'CREATE')
        ELSE has_database_privilege(current_database(), 'CREATE') END AS may_create,
    ARRAY(
        SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = home.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        ORDER BY c.relname) AS in_home,
    old.relnamespace::bigint AS old_schema,
    -- An installation of release 0.1 is recognized by its triggers on the table.
    (SELECT t.tgrelid FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgname = 'interactions_count_insert' AND p.pronamespace = old.relnamespace)::bigint
        AS old_interactions,
    to_regclass(quote_ident(%(named)s) || '.interactions')::oid::bigint AS named,
    coalesce(to_regclass('interactions'), to_regclass('public.interactions'))::oid::bigint AS found,
    ARRAY(
        SELECT format('%%I.%%I', n.nspname, c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = 'interactions' AND n.nspname NOT LIKE 'pg\_%%'
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND NOT EXISTS (SELECT FROM pg_class i WHERE i.relname = 'installation' AND i.relnamespace = n.oid)
        ORDER BY 1) AS elsewhere
FROM (SELECT coalesce(nullif(current_setting('signoff.schema', true), ''), 'signoff') AS name) AS home
LEFT JOIN pg_class old ON old.oid = to_regclass('signoff_migrations')
