-- Decisions on `days` (date[]), which last from the instants `begins` to `ends` (timestamptz[]), if there were any, and
-- the minutes from when a review came in until a person decided it: the median, and within how many nine of ten were.
-- `may_change`: a decision can still be undone. Each day is read by the index: no row has to be told its day. Who posts
-- a draft may have a clock that is ahead: no wait is less than nothing.
SELECT asked.day, of_day.*
FROM unnest(%(days)s::date[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS asked(day, begins, ends)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE decision = 'approved') AS approved,
        count(*) FILTER (WHERE decision = 'rejected') AS rejected,
        count(*) FILTER (WHERE decision = 'expired') AS expired,
        percentile_cont('{0.5,0.9}'::double precision[]) WITHIN GROUP (
            ORDER BY CASE WHEN decision <> 'expired' AND received_at IS NOT NULL
                THEN date_part('epoch', greatest(decided_at - received_at, '0')) / 60 END) AS minutes,
        coalesce(max(final_at) > now(), false) AS may_change
    FROM review_decisions
    WHERE undone_at IS NULL AND decided_at >= asked.begins AND decided_at < asked.ends
    HAVING count(*) > 0
) AS of_day
ORDER BY day
