-- The reviews that wait now, how many of them are held, and for how many minutes the oldest has waited; what day it is
-- in `timezone`, and on which day the first decision was made (null if none was).
SELECT count(*) AS waiting, count(*) FILTER (WHERE claimed_until > now()) AS in_review,
    CASE WHEN count(*) > 0 THEN date_part('epoch', greatest(now() - min(received_at), '0')) / 60 END AS oldest_minutes,
    (now() AT TIME ZONE %(timezone)s)::date AS today,
    ((SELECT min(decided_at) FROM review_decisions WHERE undone_at IS NULL) AT TIME ZONE %(timezone)s)::date AS first_day
FROM reviews
WHERE state = 'pending'
