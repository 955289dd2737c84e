-- What each reviewer decided from `since` to `until`, and the minutes from when they opened a review until they decided
-- it; the `most` who decided most. The minutes are collected first: that needs no sort of all rows by reviewer.
SELECT reviewer, decided, rejected,
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY one) FROM unnest(minutes) AS one) AS median_minutes
FROM (
    SELECT reviewer, count(*) AS decided, count(*) FILTER (WHERE decision = 'rejected') AS rejected,
        array_agg(date_part('epoch', decided_at - opened_at) / 60) AS minutes
    FROM review_decisions
    WHERE undone_at IS NULL AND reviewer IS NOT NULL
        AND decided_at >= %(since)s::timestamptz
        AND (%(until)s::timestamptz IS NULL OR decided_at < %(until)s::timestamptz)
    GROUP BY reviewer
    ORDER BY count(*) DESC, reviewer
    LIMIT %(most)s
) AS busiest
ORDER BY decided DESC, reviewer
