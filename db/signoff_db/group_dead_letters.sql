-- The chosen letters by cause, the biggest group first.
SELECT g.fingerprint, newest.kind, g.count, g.first_failed_at, g.last_failed_at, newest.message, g.sample_id
FROM (
    SELECT fingerprint, count(*) AS count, min(first_failed_at) AS first_failed_at,
        max(last_failed_at) AS last_failed_at, max(id) AS sample_id
    FROM dead_letters
    WHERE {chosen}
    GROUP BY fingerprint
) AS g
JOIN dead_letters newest ON newest.id = g.sample_id
ORDER BY g.count DESC, g.fingerprint
