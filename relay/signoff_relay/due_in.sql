-- Seconds until the first of the events that wait for their time is due; null if there is none.
SELECT extract(epoch FROM min(due_at) - clock_timestamp())::double precision FROM signoff_outbox
WHERE published_at IS NULL AND refused IS NULL AND due_at IS NOT NULL
