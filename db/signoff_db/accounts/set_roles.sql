UPDATE users SET roles = %(roles)s WHERE name = %(name)s RETURNING {user_columns}
