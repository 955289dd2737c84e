-- How many operations wait or run, counted up to `most`.
SELECT count(*) FROM (
    SELECT FROM operations WHERE state IN ('waiting', 'running') LIMIT %(most)s) AS open
