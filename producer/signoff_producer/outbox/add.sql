-- Returns a row unless the outbox holds other content under this event_id. An event that exists
-- already is given the same hash again: that also waits for a transaction that is adding it. The
-- event itself is not set, so publishers need no right to change one.
INSERT INTO signoff_outbox AS held (event, validated_hash) VALUES ({event}, {validated_hash})
ON CONFLICT (event_id) DO UPDATE
    SET validated_hash = excluded.validated_hash
    WHERE held.event = excluded.event
RETURNING event_id
