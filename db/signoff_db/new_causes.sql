-- The causes of open dead letters of which no alert was sent yet, the biggest first, at most `limit`.
SELECT fingerprint, min(kind) AS kind, count(*) AS count, min(first_failed_at) AS first_failed_at,
    max(last_failed_at) AS last_failed_at, max(id) AS sample_id
FROM dead_letters
WHERE state = 'dead' AND fingerprint NOT IN (SELECT subject FROM alerts)
GROUP BY fingerprint
ORDER BY count(*) DESC, fingerprint
LIMIT %(limit)s
