-- Write failed deliveries to the dead letters. If a letter of the same job with the same bytes is open, it is
-- updated: it failed again.
-- `letters` json: array of objects, no two with the same job_id and payload; `payloads` and `hashes`
-- bytea[], in the same order; `most_attempts`: more are not counted
INSERT INTO dead_letters AS d (
    event_id, job_id, kind, message, detail, payload, fingerprint, interaction_id, user_id, attempts,
    event_type, content_hash)
SELECT event_id, job_id, kind, message, detail, payload, fingerprint, interaction_id, user_id, attempts,
    event_type, content_hash
FROM ROWS FROM (
    json_to_recordset(%(letters)s::json) AS (
        event_id uuid, job_id text, kind text, message text, detail jsonb, fingerprint text,
        interaction_id uuid, user_id text, event_type text, attempts integer),
    unnest(%(payloads)b::bytea[]),
    unnest(%(hashes)b::bytea[])
) AS letter (event_id, job_id, kind, message, detail, fingerprint, interaction_id, user_id, event_type,
    attempts, payload, content_hash)
ORDER BY job_id, payload
ON CONFLICT (md5(job_id), md5(payload)) WHERE state = 'dead' DO UPDATE SET
    event_id = excluded.event_id,
    event_type = coalesce(d.event_type, excluded.event_type), -- a replay does not know the job's function
    kind = excluded.kind,
    message = excluded.message,
    detail = excluded.detail,
    fingerprint = excluded.fingerprint,
    attempts = least(d.attempts::bigint + excluded.attempts, %(most_attempts)s::bigint)::integer,
    last_failed_at = now()
