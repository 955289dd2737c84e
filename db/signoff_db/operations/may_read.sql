-- Whether this role may read operations; not before it is granted, where an earlier release made the schema.
SELECT has_table_privilege(to_regclass('operations'), 'SELECT')
    AND has_table_privilege(to_regclass('operation_runners'), 'SELECT')
