-- Delete some of the messages that were delivered long ago.
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE state = 'delivered' AND finished_at < now() - %(keep)s::interval
    ORDER BY finished_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
