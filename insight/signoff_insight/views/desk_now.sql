-- The reviews that wait now, how many of them are held, and for how many minutes the oldest has waited; and what day
-- it is in `timezone`.
SELECT count(*) AS waiting, count(*) FILTER (WHERE claimed_until > now()) AS in_review,
    extract(epoch FROM now() - min(received_at))::double precision / 60 AS oldest_minutes,
    (now() AT TIME ZONE %(timezone)s)::date AS today
FROM reviews
WHERE state = 'pending'
