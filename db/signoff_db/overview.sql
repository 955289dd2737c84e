-- Totals of the ledger, and open dead letters by kind.
SELECT
    (SELECT count(*) FROM approvals) AS applied,
    (SELECT max(applied_at) FROM approvals) AS last_applied_at,
    (SELECT coalesce(jsonb_object_agg(kind, letters ORDER BY kind), '{}') FROM (
        SELECT kind, count(*) AS letters FROM dead_letters WHERE state = 'dead' GROUP BY kind
    ) AS by_kind) AS dead
