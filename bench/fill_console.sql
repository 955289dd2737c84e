-- An incident on the filled ledger: `{letters}` open letters of `{causes}` causes, each an event of an interaction of its
-- own that would apply now. As many that were settled, and the history of 50,000 actions.
INSERT INTO dead_letters (event_id, job_id, kind, message, payload, fingerprint, event_type, interaction_id, user_id,
    first_failed_at, last_failed_at, state, resolved_at)
SELECT event_id, event_id::text,
    (ARRAY['invalid_payload', 'unknown_interaction', 'abandoned', 'user_mismatch'])[n % 4 + 1],
    'campaign' || n % {causes} || ' is not a field of an approval event',
    convert_to(json_build_object('event_id', event_id, 'occurred_at', '2026-01-01T00:00:00Z', 'interaction_id', id,
        'user_id', user_id, 'final_bubbles', json_build_array('thanks for your order!', 'number ' || n),
        'quality_score', 4, 'customer_status', 'CUSTOMER', 'ltv_amount', '5.00')::text, 'UTF8'),
    left(md5('cause' || n % {causes}), 12), 'approval', id, user_id, at, at,
    CASE WHEN n < {letters} THEN 'dead' WHEN n % 2 = 0 THEN 'resolved' ELSE 'discarded' END,
    CASE WHEN n >= {letters} THEN at END
FROM (
    SELECT row_number() OVER () - 1 AS n, gen_random_uuid() AS event_id, id, user_id
    FROM (SELECT id, user_id FROM interactions LIMIT 2 * {letters}) AS known
) AS made, LATERAL (SELECT now() - (n % 10000) * interval '1 minute' AS at) AS failed;

INSERT INTO operator_actions (actor, action, dead_letter_ids, reason, before, after, acted_at)
SELECT 'user:operator-' || n % 20, 'replay', ARRAY(SELECT generate_series(n + 1, n + 10)), 'the upstream mended it',
    '{"kind": "unknown_interaction"}', '{"result": "applied"}', now() - n * interval '1 minute'
FROM generate_series(0, 49999) AS n
