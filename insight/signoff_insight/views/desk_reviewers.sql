-- What each reviewer decided from `since` to `until`, and the minutes from when they opened a review until they decided
-- it; the `most` who decided most. The minutes are collected first: that needs no sort of all rows by reviewer.
SELECT reviewer, decided, rejected,
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY one) FROM unnest(minutes) AS one) AS median_minutes
FROM (
    SELECT decided_by AS reviewer, count(*) AS decided, count(*) FILTER (WHERE state = 'rejected') AS rejected,
        array_agg(date_part('epoch', decided_at - opened_at) / 60) AS minutes
    FROM reviews
    WHERE state IN ('approved', 'rejected')
        AND decided_at >= %(since)s::timestamptz
        AND (%(until)s::timestamptz IS NULL OR decided_at < %(until)s::timestamptz)
    GROUP BY decided_by
    ORDER BY count(*) DESC, decided_by
    LIMIT %(most)s
) AS busiest
ORDER BY decided DESC, reviewer
