-- Letters with all that one shows of them, in the order of `letters` (bigint[]): as many of the first as
-- hold `budget` bytes of payloads together, but at least one. Of a payload, the first `most_bytes`.
WITH sized AS (
    SELECT id, place,
        sum(least(octet_length(payload), %(most_bytes)s)) OVER (ORDER BY place)
            - least(octet_length(payload), %(most_bytes)s) AS bytes_before
    FROM unnest(%(letters)s::bigint[]) WITH ORDINALITY AS named (id, place)
    JOIN dead_letters USING (id)
)
SELECT d.id, event_id, left(job_id, %(characters)s) AS job_id, kind, left(message, %(characters)s) AS message,
    fingerprint, event_type, interaction_id, left(user_id, %(characters)s) AS user_id, attempts, first_failed_at,
    last_failed_at, state, resolved_at, CASE WHEN detail->0->>'code' = 'too_large' AND detail->0 ? 'size' THEN (detail->0->>'size')::bigint
        ELSE octet_length(payload) END AS payload_size,
    octet_length(payload) AS payload_kept, detail,
    substring(payload FROM 1 FOR %(most_bytes)s) AS payload
FROM sized
JOIN dead_letters d USING (id)
WHERE bytes_before < %(budget)s
ORDER BY place
