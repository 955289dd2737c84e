SELECT {review_columns} FROM reviews r WHERE r.interaction_id = %(interaction_id)s
