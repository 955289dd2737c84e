-- What stands in Signoff's schema, and what belongs to the table interactions: to show what a migration changes.
WITH schemas AS (SELECT oid FROM pg_namespace WHERE nspname = %(home)s OR oid = %(old)s::oid)
SELECT classid::bigint, objid::bigint, objsubid, i.type, i.identity
FROM (
    SELECT 'pg_class'::regclass AS classid, oid AS objid, 0 AS objsubid FROM pg_class
    WHERE relkind IN ('r', 'p', 'v') AND (relnamespace IN (SELECT oid FROM schemas) OR oid = %(interactions)s::oid)
        OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = %(interactions)s::oid)
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0 FROM pg_proc WHERE pronamespace IN (SELECT oid FROM schemas)
    UNION ALL
    SELECT 'pg_class'::regclass, attrelid, attnum FROM pg_attribute
    WHERE attrelid = %(interactions)s::oid AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT 'pg_constraint'::regclass, oid, 0 FROM pg_constraint
    WHERE conrelid = %(interactions)s::oid AND contype = 'c'
    UNION ALL
    SELECT 'pg_trigger'::regclass, oid, 0 FROM pg_trigger
    WHERE tgrelid = %(interactions)s::oid AND NOT tgisinternal
) AS objects
CROSS JOIN LATERAL pg_identify_object(classid, objid, objsubid) AS i
ORDER BY i.type, i.identity
