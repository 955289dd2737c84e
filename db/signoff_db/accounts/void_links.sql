DELETE FROM sign_in_links WHERE user_name = %(name)s AND used_at IS NULL
