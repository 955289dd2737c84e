SELECT id FROM interactions WHERE user_id = %(user_id)s ORDER BY created_at, id
