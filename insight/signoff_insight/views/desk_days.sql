-- Decisions on `days` (date[]), which last from the instants `begins` to `ends` (timestamptz[]), if there were any, and
-- the minutes from when a review came in until a person decided it: the median, and within how many nine of ten were.
-- `may_change`: a decision can still be undone. Each day is read by the index: no row has to be told its day.
SELECT asked.day, of_day.*
FROM unnest(%(days)s::date[], %(begins)s::timestamptz[], %(ends)s::timestamptz[]) AS asked(day, begins, ends)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'approved') AS approved,
        count(*) FILTER (WHERE state = 'rejected') AS rejected,
        count(*) FILTER (WHERE state = 'expired') AS expired,
        percentile_cont('{0.5,0.9}'::double precision[]) WITHIN GROUP (
            ORDER BY CASE WHEN state <> 'expired' THEN date_part('epoch', decided_at - received_at) / 60 END) AS minutes,
        coalesce(max(undo_until) > now(), false) AS may_change
    FROM reviews
    WHERE state IN ('approved', 'rejected', 'expired') AND decided_at >= asked.begins AND decided_at < asked.ends
    HAVING count(*) > 0
) AS of_day
ORDER BY day
