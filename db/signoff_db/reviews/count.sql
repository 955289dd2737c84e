-- How many reviews wait, up to `most`; how many of them are held.
SELECT count(*) AS waiting, count(*) FILTER (WHERE claimed_until > now()) AS held
FROM (SELECT claimed_until FROM reviews WHERE state = 'pending' LIMIT %(most)s) AS counted
