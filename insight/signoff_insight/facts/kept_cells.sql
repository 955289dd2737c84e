-- The combinations that exposures name by number, at most `most` of them.
SELECT cell, month, tags, customer_status, is_first, reviewer_id, cta FROM exposure_cells ORDER BY cell LIMIT %(most)s
