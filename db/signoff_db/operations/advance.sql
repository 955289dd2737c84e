-- Note progress, and renew the lease; in the transaction that locked the row (hold.sql).
UPDATE operations
SET tried = tried + %(tried)s, left_out = left_out + %(left_out)s, place = %(place)s,
    tried_ahead = %(tried_ahead)s, counted = %(counted)s, effect = %(effect)s::jsonb,
    results = CASE %(results)s::text WHEN '[]' THEN results ELSE results || %(results)s::text::jsonb END,
    streak_of = %(streak_of)s, streak = %(streak)s, due_at = now() + %(length)s::interval, takes = 0
WHERE id = %(operation)s
