-- `events` (uuid[]) are accounted for elsewhere; `published_at` guards those that were published anew.
DELETE FROM signoff_outbox WHERE event_id = ANY(%(events)s) AND published_at < %(before)s
