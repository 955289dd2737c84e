-- The combinations of whose approvals exposures were, at most `most` of them.
SELECT reviewer_cell, month, customer_status, is_first, reviewer_id
FROM exposure_reviewers
ORDER BY reviewer_cell
LIMIT %(most)s
