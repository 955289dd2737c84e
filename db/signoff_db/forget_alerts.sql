-- Forget alerts whose cause is over, so that one is sent when it comes again. Not within `memory` of the
-- alert, and that of the number only when it has fallen to half of `limit`: what comes and goes is one alert.
DELETE FROM alerts a
WHERE a.alerted_at < now() - %(memory)s::interval
    AND CASE WHEN a.subject = 'limit'
        THEN (SELECT count(*) FROM dead_letters WHERE state = 'dead') * 2 <= %(limit)s
        ELSE NOT EXISTS (SELECT FROM dead_letters d WHERE d.state = 'dead' AND d.fingerprint = a.subject)
        END
