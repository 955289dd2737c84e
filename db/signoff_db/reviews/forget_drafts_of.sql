DELETE FROM review_drafts WHERE interaction_id = %(interaction_id)s
