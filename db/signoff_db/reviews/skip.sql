INSERT INTO review_skips (interaction_id, reviewer, until)
VALUES (%(interaction_id)s, %(reviewer)s, now() + %(seconds)s * interval '1 second')
ON CONFLICT (reviewer, interaction_id) DO UPDATE SET until = excluded.until
