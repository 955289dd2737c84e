-- A page of the chosen letters, the newest first, below `before_id` if that is given; without payloads,
-- and with the first `characters` of the texts. Each state is read by itself: an index holds the
-- letters of each in their order, so that the time does not grow with how many there are of others.
SELECT id, event_id, left(job_id, %(characters)s) AS job_id, kind, left(message, %(characters)s) AS message,
    fingerprint, event_type, interaction_id, left(user_id, %(characters)s) AS user_id, attempts, first_failed_at,
    last_failed_at, state, resolved_at, CASE WHEN detail->0->>'code' = 'too_large' AND detail->0 ? 'size' THEN (detail->0->>'size')::bigint
        ELSE octet_length(payload) END AS payload_size,
    octet_length(payload) AS payload_kept
FROM (
    (SELECT * FROM dead_letters
    WHERE state = 'dead' AND 'dead' = ANY(%(states)s) AND {chosen}
        AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
    ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM dead_letters
    WHERE state = 'resolved' AND 'resolved' = ANY(%(states)s) AND {chosen}
        AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
    ORDER BY id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT * FROM dead_letters
    WHERE state = 'discarded' AND 'discarded' = ANY(%(states)s) AND {chosen}
        AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
    ORDER BY id DESC LIMIT %(limit)s)
) AS letter
ORDER BY id DESC
LIMIT %(limit)s
