-- Delete alerts whose cause is over, so that an alert is sent when the cause comes again; but not within
-- `memory` of the alert. The alert of the number is deleted when the number has fallen to half of `limit`.
-- So a cause that comes and goes is alerted once. The alert of conversion is deleted by who looks at conversion.
DELETE FROM alerts a
WHERE a.alerted_at < now() - %(memory)s::interval AND a.subject <> 'conversion'
    AND CASE WHEN a.subject = 'limit'
        THEN (SELECT count(*) FROM dead_letters WHERE state = 'dead') * 2 <= %(limit)s
        ELSE NOT EXISTS (SELECT FROM dead_letters d WHERE d.state = 'dead' AND d.fingerprint = a.subject)
        END
