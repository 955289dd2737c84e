-- The newest audit that waits or runs, that is done, and that failed; those that there are.
SELECT {audit_columns}
FROM (
    (SELECT * FROM audits WHERE state IN ('waiting', 'running') ORDER BY id DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM audits WHERE state = 'done' ORDER BY id DESC LIMIT 1)
    UNION ALL
    (SELECT * FROM audits WHERE state = 'failed' ORDER BY id DESC LIMIT 1)
) AS newest
ORDER BY id DESC
