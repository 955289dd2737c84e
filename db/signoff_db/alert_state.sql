-- How many letters are dead, whether an alert of their number was sent, and whether one may be sent now.
SELECT
    (SELECT count(*) FROM dead_letters WHERE state = 'dead') AS dead,
    EXISTS (SELECT FROM alerts WHERE subject = 'limit') AS limit_reported,
    NOT EXISTS (SELECT FROM alerts WHERE alerted_at > now() - %(pause)s::interval) AS may_send
