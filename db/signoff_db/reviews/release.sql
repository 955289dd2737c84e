UPDATE reviews SET claimed_by = NULL, claimed_until = NULL, opened_at = NULL
WHERE interaction_id = %(interaction_id)s AND state = 'pending' AND claimed_by = %(reviewer)s
