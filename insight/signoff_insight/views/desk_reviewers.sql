-- What each reviewer decided from `since` to `until`, and the minutes from when they opened a review until they decided
-- it; the `most` who decided most.
SELECT decided_by AS reviewer, count(*) AS decided, count(*) FILTER (WHERE state = 'rejected') AS rejected,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - opened_at)::double precision / 60)
        AS median_minutes
FROM reviews
WHERE state IN ('approved', 'rejected')
    AND decided_at >= %(since)s::timestamptz
    AND (%(until)s::timestamptz IS NULL OR decided_at < %(until)s::timestamptz)
GROUP BY decided_by
ORDER BY count(*) DESC, decided_by
LIMIT %(most)s
