-- Delete `events` (uuid[]), which are accounted for elsewhere. The condition on `published_at` keeps events
-- that were published again meanwhile.
DELETE FROM signoff_outbox WHERE event_id = ANY(%(events)s) AND published_at < %(before)s
