-- What is read of a letter without its payload, put in for `{letter_columns}`: the first `characters` of each text.
id, event_id, left(job_id, %(characters)s) AS job_id, kind, left(message, %(characters)s) AS message,
    fingerprint, event_type, interaction_id, left(user_id, %(characters)s) AS user_id, attempts, first_failed_at,
    last_failed_at, state, resolved_at, CASE WHEN detail->0->>'code' = 'too_large' AND detail->0 ? 'size' THEN (detail->0->>'size')::bigint
        ELSE octet_length(payload) END AS payload_size,
    octet_length(payload) AS payload_kept
