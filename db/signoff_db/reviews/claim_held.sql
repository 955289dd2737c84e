-- Prolong the lease of the first review that the reviewer holds and has not opened, but for those of `besides`. No row
-- if there is none.
WITH first AS (
    SELECT interaction_id FROM reviews
    WHERE claimed_by = %(reviewer)s AND claimed_until > clock_timestamp() AND opened_at IS NULL
        AND interaction_id <> ALL(%(besides)s::uuid[])
    ORDER BY rank, interaction_id
    LIMIT 1
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE reviews r SET
    claimed_until = greatest(r.claimed_until, clock_timestamp() + %(lease)s * interval '1 second')
FROM first
WHERE r.interaction_id = first.interaction_id
RETURNING {review_columns}
