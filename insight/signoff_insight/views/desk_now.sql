-- The reviews that wait now, how many of them are held, and for how many minutes the oldest has waited; what day it is
-- in `timezone`, and on which day the first review was decided (null if none was).
SELECT count(*) AS waiting, count(*) FILTER (WHERE claimed_until > now()) AS in_review,
    extract(epoch FROM now() - min(received_at))::double precision / 60 AS oldest_minutes,
    (now() AT TIME ZONE %(timezone)s)::date AS today,
    -- Each of the three is the first entry of the index with its state.
    (least(
        (SELECT min(decided_at) FROM reviews WHERE state = 'approved'),
        (SELECT min(decided_at) FROM reviews WHERE state = 'rejected'),
        (SELECT min(decided_at) FROM reviews WHERE state = 'expired')
    ) AT TIME ZONE %(timezone)s)::date AS first_day
FROM reviews
WHERE state = 'pending'
