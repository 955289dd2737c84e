-- Waiting reviews by how long they have waited; up to `most` are counted.
SELECT age.name, count(w.received_at)
FROM (VALUES (1, 'under 15 minutes', interval '-100 years', interval '15 minutes'),
    (2, '15 minutes to 1 hour', interval '15 minutes', interval '1 hour'),
    (3, '1 to 4 hours', interval '1 hour', interval '4 hours'),
    (4, '4 to 24 hours', interval '4 hours', interval '24 hours'),
    (5, 'over a day', interval '24 hours', NULL)) AS age (position, name, least, less)
LEFT JOIN (SELECT received_at FROM reviews WHERE state = 'pending' LIMIT %(most)s) AS w
    ON now() - w.received_at >= age.least AND (age.less IS NULL OR now() - w.received_at < age.less)
GROUP BY age.position, age.name
ORDER BY age.position
