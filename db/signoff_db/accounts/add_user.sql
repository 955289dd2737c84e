INSERT INTO users (name, roles, password_hash, issuer, subject, created_by)
VALUES (%(name)s, %(roles)s, %(password_hash)s, %(issuer)s, %(subject)s, %(actor)s)
ON CONFLICT (name) DO NOTHING
RETURNING {user_columns}
