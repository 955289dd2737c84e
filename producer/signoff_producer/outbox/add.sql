-- Returns a row unless the outbox holds other content under this event_id. An event that is there
-- already is written onto itself: that also waits for a transaction that is just adding it.
INSERT INTO signoff_outbox AS held (event) VALUES ({event})
ON CONFLICT (event_id) DO UPDATE SET event = excluded.event WHERE held.event = excluded.event
RETURNING event_id
