-- Events of the ledger and decisions, counted as far as `exact`; when the last was applied; open dead letters by
-- kind. The function looks at the last pages alone, and an event may be on any: it is for ledgers whose events were
-- all applied before the feed was (`applied_in` is null).
SELECT
    (SELECT count(*) FROM (SELECT FROM approvals LIMIT %(exact)s + 1) AS first) AS counted,
    (SELECT count(*) FROM (SELECT FROM status_decisions LIMIT %(exact)s + 1) AS first) AS decisions,
    coalesce(
        (SELECT max(applied_at) FROM (
            SELECT applied_at FROM approvals WHERE applied_in IS NOT NULL ORDER BY applied_in DESC LIMIT 100
        ) AS newest),
        signoff_last_applied_at()
    ) AS last_applied_at,
    (SELECT coalesce(jsonb_object_agg(kind, letters ORDER BY kind), '{}') FROM (
        SELECT kind, count(*) AS letters FROM dead_letters WHERE state = 'dead' GROUP BY kind
    ) AS by_kind) AS dead
