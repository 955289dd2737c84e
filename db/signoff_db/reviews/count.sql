-- How many reviews wait, up to `most`; how many of them are held, and how many by one reviewer.
SELECT count(*) AS waiting, count(*) FILTER (WHERE claimed_until > now()) AS held,
    count(*) FILTER (WHERE claimed_until > now() AND claimed_by = %(reviewer)s) AS own
FROM (SELECT claimed_by, claimed_until FROM reviews WHERE state = 'pending' LIMIT %(most)s) AS counted
