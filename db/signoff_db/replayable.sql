-- The first of `letters` (bigint[]) that are dead, in order of their ids: as many as hold `budget` bytes of
-- payloads together, but at least one. Of a payload, the first `most_bytes`; and whether the payload is
-- complete.
WITH sized AS (
    SELECT id,
        sum(least(octet_length(payload), %(most_bytes)s)) OVER (ORDER BY id)
            - least(octet_length(payload), %(most_bytes)s) AS bytes_before
    FROM dead_letters
    WHERE id = ANY(%(letters)s::bigint[]) AND state = 'dead'
)
SELECT d.id, left(job_id, 2000), substring(payload FROM 1 FOR %(most_bytes)s), event_id, content_hash,
    octet_length(payload) <= %(most_bytes)s AND detail->0->'size' IS NULL, left(message, 2000)
FROM sized
JOIN dead_letters d USING (id)
WHERE bytes_before < %(budget)s
ORDER BY d.id
