-- Delete the results of audits that ended longer ago than `kept`, but for the last of each kind.
DELETE FROM audits a
WHERE ended_at < now() - %(kept)s::interval
    AND EXISTS (SELECT FROM audits newer WHERE newer.state = a.state AND newer.id > a.id)
