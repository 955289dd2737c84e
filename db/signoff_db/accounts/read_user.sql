SELECT {user_columns} FROM users WHERE name = %(name)s
