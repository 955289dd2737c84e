SELECT began_with FROM sessions WHERE id = %(id)s AND user_name = %(name)s AND ended_at IS NULL
