-- Waiting reviews by how long they have waited, the youngest first; up to `most` are counted.
SELECT count(*) FILTER (WHERE age < interval '15 minutes'),
    count(*) FILTER (WHERE age >= interval '15 minutes' AND age < interval '1 hour'),
    count(*) FILTER (WHERE age >= interval '1 hour' AND age < interval '4 hours'),
    count(*) FILTER (WHERE age >= interval '4 hours' AND age < interval '24 hours'),
    count(*) FILTER (WHERE age >= interval '24 hours')
FROM (SELECT now() - received_at AS age FROM reviews WHERE state = 'pending' LIMIT %(most)s) AS counted
