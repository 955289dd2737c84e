SELECT
    (SELECT count(*) FROM signoff_outbox WHERE published_at IS NULL AND refused IS NULL) AS waiting,
    (SELECT min(added_at) FROM signoff_outbox
        WHERE published_at IS NULL AND refused IS NULL) AS oldest_waiting_at,
    (SELECT count(*) FROM signoff_outbox WHERE refused IS NOT NULL) AS refused
