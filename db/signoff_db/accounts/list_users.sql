SELECT {user_columns} FROM users
WHERE name > coalesce(%(after)s::text, '')
ORDER BY name
LIMIT %(limit)s
