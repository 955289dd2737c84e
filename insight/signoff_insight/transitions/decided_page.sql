-- A page of proposals in any state, the latest first. Other parameters than `shown` and `limit` may be null.
SELECT p.id, p.number
FROM transition_proposals p
WHERE p.state = ANY (CASE %(shown)s
        WHEN 'all' THEN '{open,approved,rejected,outdated,undone}'::text[]
        WHEN 'approved' THEN '{approved,undone}'::text[]
        ELSE ARRAY[%(shown)s]
    END)
    AND (%(rule)s::text IS NULL OR p.rule = %(rule)s)
    AND (%(user_id)s::text IS NULL OR p.user_id = %(user_id)s)
    AND (%(to_status)s::text IS NULL OR p.to_status = %(to_status)s)
    AND (%(run)s::bigint IS NULL OR p.run = %(run)s)
    AND (%(decided_by)s::text IS NULL OR p.decided_by = %(decided_by)s)
    AND (%(decided_since)s::timestamptz IS NULL OR p.decided_at >= %(decided_since)s)
    AND (%(after)s::bigint IS NULL OR p.number < %(after)s)
    AND (%(reactivated)s::boolean IS NULL OR %(reactivated)s = (signoff_reactivated_at(p) IS NOT NULL))
ORDER BY p.number DESC
LIMIT %(limit)s
