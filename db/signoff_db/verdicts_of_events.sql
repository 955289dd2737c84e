-- What became of events, as of now, in their order. `verdict` is null where the ledger holds no such event, or
-- another content under its id; `age` is the seconds since the transaction that applied it began. The letter is the
-- newest open one. `resolved_at IS NULL` means the same as `state = 'dead'`; no index has it as its condition, so the
-- planner takes the index on event_id.
--
-- `$1`  uuid[]  ids of events
-- `$2`  bytea   their content hashes, concatenated, 16 bytes each
SELECT CASE
        WHEN a.content_hash IS DISTINCT FROM
            substring($2::bytea FROM 16 * chosen.place::integer - 15 FOR 16) THEN NULL
        WHEN d.void THEN 'void'
        WHEN (a.occurred_at, a.event_id) < (i.status_occurred_at, i.status_event_id)
            OR (a.occurred_at, a.event_id) < (c.status_occurred_at, c.status_event_id) THEN 'late'
        ELSE 'applied'
    END AS verdict,
    extract(epoch FROM clock_timestamp() - a.applied_at)::float8 AS age,
    letter.id AS dead_letter, letter.kind, letter.message
FROM unnest($1::uuid[]) WITH ORDINALITY AS chosen (event_id, place)
LEFT JOIN LATERAL (
    SELECT event_id, occurred_at, interaction_id, content_hash, applied_at FROM approvals
    WHERE event_id = chosen.event_id OFFSET 0
) AS a ON true
LEFT JOIN LATERAL (
    SELECT status_occurred_at, status_event_id FROM interactions WHERE id = a.interaction_id OFFSET 0
) AS i ON true
LEFT JOIN LATERAL (
    SELECT user_id, void FROM status_decisions WHERE event_id = a.event_id OFFSET 0
) AS d ON true
LEFT JOIN LATERAL (
    SELECT status_occurred_at, status_event_id FROM customers WHERE user_id = d.user_id OFFSET 0
) AS c ON true
LEFT JOIN LATERAL (
    SELECT id, kind, left(message, 2000) AS message
    FROM (SELECT * FROM dead_letters WHERE event_id = chosen.event_id AND resolved_at IS NULL OFFSET 0) AS open
    ORDER BY id DESC LIMIT 1
) AS letter ON true
ORDER BY chosen.place
