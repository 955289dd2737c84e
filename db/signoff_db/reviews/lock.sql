SELECT FROM reviews WHERE interaction_id = %(interaction_id)s FOR NO KEY UPDATE
