-- The schemas that this session searches in which every role may create objects.
SELECT quote_ident(name) FROM unnest(current_schemas(false)) AS name
WHERE has_schema_privilege('public', name, 'CREATE')
ORDER BY name
