-- How many operations have not ended, as far as `most`.
SELECT count(*) FROM (SELECT FROM operations WHERE state IN ('waiting', 'running') LIMIT %(most)s) AS found
