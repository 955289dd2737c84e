-- Prolong a claim; also one whose lease has ended, as long as nobody else has claimed the review since.
UPDATE reviews SET claimed_until = greatest(claimed_until, clock_timestamp() + %(lease)s * interval '1 second')
WHERE interaction_id = %(interaction_id)s AND state = 'pending' AND claimed_by = %(reviewer)s
RETURNING claimed_until
