-- The number of rows in each table; of the events, how many are decisions.
WITH ledger AS (
    SELECT count(*) AS events, count(*) FILTER (WHERE event_type = 'status_decision') AS decisions FROM approvals
)
SELECT
    (SELECT events FROM ledger) AS events,
    (SELECT decisions FROM ledger) AS decisions,
    (SELECT count(*) FROM status_decisions WHERE void) AS void,
    (SELECT count(*) FROM interactions) AS interactions,
    (SELECT count(*) FROM customers) AS customers,
    (SELECT coalesce(sum(ltv_usd), 0) FROM customers) AS ltv_usd,
    count(*) FILTER (WHERE state = 'dead') AS dead,
    count(*) FILTER (WHERE state = 'resolved') AS resolved,
    count(*) FILTER (WHERE state = 'discarded') AS discarded
FROM dead_letters
