-- How many reviews that were approved from `since` to `until` have the same edit tags (as bits), as their events say,
-- which may not be applied yet.
SELECT edit_tags, count(*) AS approved
FROM review_decisions
WHERE decision = 'approved' AND undone_at IS NULL
    AND decided_at >= %(since)s::timestamptz
    AND (%(until)s::timestamptz IS NULL OR decided_at < %(until)s::timestamptz)
GROUP BY edit_tags
