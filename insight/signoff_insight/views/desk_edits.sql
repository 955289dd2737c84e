-- How many reviews that were approved from `since` to `until` have each edit tag, as their events say, which may not be
-- applied yet. The row without a tag counts all. Each event is read once, by several processes if there are many.
SELECT NULL AS tag, count(*) AS approved
FROM review_decisions
WHERE decision = 'approved' AND undone_at IS NULL
    AND decided_at >= %(since)s::timestamptz
    AND (%(until)s::timestamptz IS NULL OR decided_at < %(until)s::timestamptz)
UNION ALL
SELECT tag, count(*)
FROM review_decisions, jsonb_array_elements_text(event::jsonb -> 'edit_tags') AS tag
WHERE decision = 'approved' AND undone_at IS NULL
    AND decided_at >= %(since)s::timestamptz
    AND (%(until)s::timestamptz IS NULL OR decided_at < %(until)s::timestamptz)
GROUP BY tag
