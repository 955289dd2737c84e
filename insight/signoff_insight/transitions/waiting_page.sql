-- A page of the open proposals, in the order in which they were proposed. Other parameters than `limit` may be null.
SELECT p.id, p.number
FROM transition_proposals p
WHERE p.state = 'open'
    AND (coalesce(p.snoozed_until, '-infinity') > now()) = (%(shown)s = 'snoozed')
    AND (%(rule)s::text IS NULL OR p.rule = %(rule)s)
    AND (%(user_id)s::text IS NULL OR p.user_id = %(user_id)s)
    AND (%(to_status)s::text IS NULL OR p.to_status = %(to_status)s)
    AND (%(run)s::bigint IS NULL OR p.run = %(run)s)
    AND (%(after)s::bigint IS NULL OR p.number > %(after)s)
    AND %(reactivated)s::boolean IS NOT TRUE
    AND %(decided_by)s::text IS NULL AND %(decided_since)s::timestamptz IS NULL
ORDER BY p.number
LIMIT %(limit)s
