-- Returns a row unless the outbox holds other content under this event_id. An event that is there
-- already is written onto itself: that also waits for a transaction that is just adding it.
INSERT INTO signoff_outbox AS held (event, validated_hash) VALUES ({event}, {validated_hash})
ON CONFLICT (event_id) DO UPDATE
    SET event = excluded.event, validated_hash = excluded.validated_hash
    WHERE held.event = excluded.event
RETURNING event_id
