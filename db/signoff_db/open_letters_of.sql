-- The open letters of these jobs with these bytes: `jobs` text[], `payloads` bytea[], in the same order.
SELECT d.id
FROM ROWS FROM (unnest(%(jobs)s::text[]), unnest(%(payloads)b::bytea[])) AS wanted (job_id, payload)
JOIN dead_letters d ON md5(d.job_id) = md5(wanted.job_id) AND md5(d.payload) = md5(wanted.payload)
WHERE d.state = 'dead'
ORDER BY d.id
