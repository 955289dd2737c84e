SELECT {user_columns} FROM users WHERE issuer = %(issuer)s AND subject = %(subject)s FOR UPDATE
