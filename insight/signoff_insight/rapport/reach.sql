-- How far the contexts reach, and why their reader cannot go on; no row if it never ran.
SELECT s.read_until, signoff_is_behind(s, r) AS is_behind,
    CASE WHEN s.step IS NOT NULL THEN
        s.customers_rebuilt::float8 / greatest(s.customers_to_rebuild, s.customers_rebuilt, 1)
    END AS rebuilt,
    r.failure, r.failing_since
FROM rapport_state s
LEFT JOIN feed_readers r ON r.name = 'rapport'
