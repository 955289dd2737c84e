-- The number of rows in each table.
SELECT
    (SELECT count(*) FROM approvals) AS events,
    (SELECT count(*) FROM interactions) AS interactions,
    (SELECT count(*) FROM customers) AS customers,
    (SELECT coalesce(sum(ltv_usd), 0) FROM customers) AS ltv_usd,
    count(*) FILTER (WHERE state = 'dead') AS dead,
    count(*) FILTER (WHERE state = 'resolved') AS resolved,
    count(*) FILTER (WHERE state = 'discarded') AS discarded
FROM dead_letters
