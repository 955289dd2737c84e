-- Years of operating: 100,000 open letters, 100,000 that were resolved and 100,000 that were discarded, each
-- with the payload of an event. 300 prune actions of 1,000 letters, all of which were discarded, and as many
-- replays, half of which tried the first of the open letters, too.
INSERT INTO dead_letters (event_id, job_id, kind, message, payload, content_hash, fingerprint, interaction_id,
    user_id, first_failed_at, last_failed_at, state, resolved_at)
SELECT id, id::text,
    (ARRAY['unknown_interaction', 'user_mismatch', 'ltv_overflow', 'event_conflict'])[n % 4 + 1],
    'interaction ' || id || ' is not in Postgres, and the event gives no user_id to create it with',
    convert_to(repeat(md5(n::text), 18), 'UTF8'), decode(md5(n::text), 'hex'), 'cause' || n % 40, id,
    'user-' || n % 20000, at, at,
    CASE n % 3 WHEN 0 THEN 'dead' WHEN 1 THEN 'resolved' ELSE 'discarded' END,
    CASE WHEN n % 3 > 0 THEN at END
FROM (
    SELECT n, gen_random_uuid() AS id, '2026-01-01Z'::timestamptz + n * interval '1 minute' AS at
    FROM generate_series(0, 299999) AS n
) AS letter;

INSERT INTO operator_actions (actor, action, dead_letter_ids, reason, before)
SELECT 'ann', 'prune', ARRAY(SELECT generate_series(a * 1000 + 1, a * 1000 + 1000)), 'old',
    '{"states": {"discarded": 1000}}'
FROM generate_series(1000, 1299) AS a;

INSERT INTO pruned_letters (id, state, job_id, event_id, content_hash, action_id)
SELECT letter, 'discarded', event, event, decode(md5(letter::text), 'hex'), id
FROM (
    SELECT id, letter, gen_random_uuid() AS event
    FROM operator_actions, unnest(dead_letter_ids) AS letter
    WHERE action = 'prune'
) AS pruned;

INSERT INTO operator_actions (actor, action, dead_letter_ids, reason, before, after)
SELECT 'ann', 'replay', ids, 'again', noted, noted
FROM (
    SELECT ids, (SELECT jsonb_object_agg(id::text, 'unknown_interaction') FROM unnest(ids) AS id) AS noted
    FROM (
        SELECT ARRAY(SELECT 1 WHERE a % 2 = 0 UNION SELECT generate_series(a * 900 + 2, a * 900 + 900)) AS ids
        FROM generate_series(0, 299) AS a
    ) AS made
) AS replayed;
