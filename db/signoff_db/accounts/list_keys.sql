SELECT {key_columns} FROM api_keys
WHERE (name, id) > (coalesce(%(after_name)s::text, ''), coalesce(%(after_id)s::text, ''))
ORDER BY name, id
LIMIT %(limit)s
