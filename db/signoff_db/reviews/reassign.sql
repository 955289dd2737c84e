UPDATE reviews SET claimed_by = %(reviewer)s, opened_at = NULL,
    claimed_until = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE interaction_id = %(interaction_id)s AND state = 'pending'
