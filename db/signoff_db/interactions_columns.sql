-- The columns of a table that is to be adopted. `interactions` oid
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attnotnull OR t.typnotnull AS is_required,
    a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL AS is_filled,
    a.attgenerated <> '' OR a.attidentity = 'a' AS is_generated,
    coalesce(l.collisdeterministic, true) AS is_exact
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = %(interactions)s::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
