-- The biggest groups of the chosen letters that are dead, by cause; each with the first
-- `characters` of a message.
SELECT g.fingerprint, newest.kind, newest.event_type, g.count, g.first_failed_at, g.last_failed_at,
    left(newest.message, %(characters)s) AS message, g.sample_id
FROM (
    SELECT fingerprint, count(*) AS count, min(first_failed_at) AS first_failed_at,
        max(last_failed_at) AS last_failed_at, max(id) AS sample_id
    FROM dead_letters
    WHERE state = 'dead' AND {chosen}
    GROUP BY fingerprint
    ORDER BY count(*) DESC, fingerprint
    LIMIT %(limit)s
) AS g
JOIN dead_letters newest ON newest.id = g.sample_id
ORDER BY g.count DESC, g.fingerprint
