-- The decision that stands; whoever reads it as final is waited for.
SELECT FROM review_decisions
WHERE interaction_id = %(interaction_id)s AND undone_at IS NULL AND decision <> 'expired'
ORDER BY decided_at DESC
LIMIT 1
FOR UPDATE
