-- Resolve the letters of events that are applied. It is a function, since Postgres prepares all that a statement may
-- write, for each event that comes alone, although letters are rarely open: then it is not called.
--
-- A letter with the same event_id and other content stays open: that content was not applied. `resolved_at IS NULL`
-- means the same as `state = 'dead'`. It is used because no index has it as its condition, so the planner takes the
-- index on event_id.
CREATE FUNCTION signoff_resolve_letters(events uuid[], hashes bytea[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET enable_seqscan = off SET jit = off AS $$
BEGIN
    UPDATE dead_letters SET state = 'resolved', resolved_at = now()
    WHERE id = ANY (ARRAY(
        SELECT letter.id
        FROM unnest(events, hashes) AS e(event_id, content_hash)
        JOIN LATERAL (
            SELECT id, content_hash FROM dead_letters
            WHERE event_id = e.event_id AND resolved_at IS NULL OFFSET 0
        ) AS letter ON coalesce(letter.content_hash = e.content_hash, true)));
END
$$;
