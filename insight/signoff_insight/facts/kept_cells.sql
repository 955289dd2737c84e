-- The combinations of what exposures show, at most `most` of them.
SELECT cell, month, tags, customer_status, is_first, cta FROM exposure_cells ORDER BY cell LIMIT %(most)s
