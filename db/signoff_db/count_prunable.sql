SELECT state, count(*) FROM dead_letters
WHERE state IN ('resolved', 'discarded') AND resolved_at < %(before)s
GROUP BY state
