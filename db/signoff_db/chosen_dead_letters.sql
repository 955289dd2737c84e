-- The part that every statement about chosen letters shares: a condition, put in for `{chosen}`.
-- A parameter that is null lets anything through.
(%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s))
    AND (%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
    AND (%(fingerprint)s::text IS NULL OR fingerprint = %(fingerprint)s)
    AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
    AND (%(interaction_id)s::uuid IS NULL OR interaction_id = %(interaction_id)s)
    AND (%(since)s::timestamptz IS NULL OR last_failed_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR last_failed_at < %(until)s)
    AND (%(up_to_id)s::bigint IS NULL OR id <= %(up_to_id)s)
