-- Resolve the letters of the events that `ledgered` wrote, only if any letter is open; once for all events.
(SELECT signoff_resolve_letters(array_agg(event_id), array_agg(content_hash))
    FROM ledgered
    WHERE (SELECT true FROM dead_letters WHERE state = 'dead' ORDER BY fingerprint LIMIT 1)
    HAVING count(*) > 0)
