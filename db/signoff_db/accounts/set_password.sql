UPDATE users SET password_hash = %(password_hash)s WHERE name = %(name)s RETURNING {user_columns}
