SELECT count(*) FROM reviews
WHERE claimed_by = %(reviewer)s AND claimed_until > now() AND interaction_id IS DISTINCT FROM %(interaction_id)s::uuid
