-- What each reviewer has decided since midnight UTC, without what was undone.
SELECT reviewer,
    count(*) FILTER (WHERE decision = 'approved') AS approved,
    count(*) FILTER (WHERE decision = 'rejected') AS rejected,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY decided_at - opened_at) AS median_review_time
FROM review_decisions
WHERE decided_at >= date_trunc('day', now(), 'UTC') AND undone_at IS NULL AND reviewer IS NOT NULL
GROUP BY reviewer
ORDER BY count(*) DESC, reviewer
LIMIT %(most)s
