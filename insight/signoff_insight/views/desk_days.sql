-- Decisions of `since` to `until` (null for no end) by day in `timezone`, and the minutes from when a review came in
-- until a person decided it. `may_change`: a decision can still be undone.
SELECT (decided_at AT TIME ZONE %(timezone)s)::date AS day,
    count(*) FILTER (WHERE state = 'approved') AS approved,
    count(*) FILTER (WHERE state = 'rejected') AS rejected,
    count(*) FILTER (WHERE state = 'expired') AS expired,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - received_at)::double precision / 60)
        FILTER (WHERE state <> 'expired') AS median_minutes,
    percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - received_at)::double precision / 60)
        FILTER (WHERE state <> 'expired') AS p90_minutes,
    coalesce(bool_or(undo_until > now()), false) AS may_change
FROM reviews
WHERE state IN ('approved', 'rejected', 'expired')
    AND decided_at >= %(since)s::timestamptz
    AND (%(until)s::timestamptz IS NULL OR decided_at < %(until)s::timestamptz)
GROUP BY day
ORDER BY day
