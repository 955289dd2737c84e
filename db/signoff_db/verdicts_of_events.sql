-- What became of events (uuid[]) with these hashes (bytea[]), as of now, in their order. `verdict` is null where the ledger holds
-- no such event, or another content under its id; `age` is the seconds since the transaction that applied it
-- began. The letter is the newest open one.
SELECT chosen.event_id,
    CASE
        WHEN a.content_hash IS DISTINCT FROM chosen.content_hash THEN NULL
        WHEN d.void THEN 'void'
        WHEN (a.occurred_at, a.event_id) < (i.status_occurred_at, i.status_event_id)
            OR (a.occurred_at, a.event_id) < (c.status_occurred_at, c.status_event_id) THEN 'late'
        ELSE 'applied'
    END AS verdict,
    extract(epoch FROM clock_timestamp() - a.applied_at)::float8 AS age,
    letter.id AS dead_letter, letter.kind, letter.message
FROM unnest(%(events)s::uuid[], %(hashes)s::bytea[]) WITH ORDINALITY AS chosen (event_id, content_hash, place)
LEFT JOIN LATERAL (SELECT * FROM approvals WHERE event_id = chosen.event_id OFFSET 0) AS a ON true
LEFT JOIN LATERAL (SELECT * FROM interactions WHERE id = a.interaction_id OFFSET 0) AS i ON true
LEFT JOIN LATERAL (SELECT * FROM status_decisions WHERE event_id = a.event_id OFFSET 0) AS d ON true
LEFT JOIN LATERAL (SELECT * FROM customers WHERE user_id = d.user_id OFFSET 0) AS c ON true
LEFT JOIN LATERAL (
    SELECT id, kind, left(message, 2000) AS message FROM dead_letters
    WHERE event_id = chosen.event_id AND state = 'dead'
    ORDER BY id DESC LIMIT 1
) AS letter ON true
ORDER BY chosen.place
