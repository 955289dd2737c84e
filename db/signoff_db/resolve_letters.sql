-- Resolve the letters of the events that `ledgered` wrote. A letter with the same event_id and other content stays
-- open: that content was not applied. Letters are looked up only if any letter is open. `resolved_at IS NULL` means
-- the same as `state = 'dead'`. It is used because no index has it as its condition, so the planner takes the index
-- on event_id.
UPDATE dead_letters SET state = 'resolved', resolved_at = now()
WHERE id = ANY (ARRAY(
    SELECT letter.id
    FROM ledgered e
    JOIN LATERAL (
        SELECT id, content_hash FROM dead_letters
        WHERE event_id = e.event_id AND resolved_at IS NULL OFFSET 0
    ) AS letter ON coalesce(letter.content_hash = e.content_hash, true)
    WHERE (SELECT true FROM dead_letters WHERE state = 'dead' ORDER BY fingerprint LIMIT 1)))
